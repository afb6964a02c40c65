import { useWording } from '../i18n/react';

/** How much is done, of one; without a share the whole bar is pale, since how much there is to do is not known. */
export function ProgressBar({ share, label, thick = false }: { share: number | undefined; label: string; thick?: boolean }) {
  const { format } = useWording();
  const known = share === undefined ? {} : { 'aria-valuenow': Math.trunc(share * 100), 'aria-valuetext': format.percent(share) };
  return (
    <div className={`bar acc ${thick ? 'h6' : ''} ${share === undefined ? 'unsure' : ''}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} {...known}>
      <i style={share === undefined ? undefined : { width: `${share * 100}%` }} />
    </div>
  );
}
