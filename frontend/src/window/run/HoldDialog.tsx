import type { Problem } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';

/** Says what it costs to have a backup stand still, before it does. */
export function HoldDialog({ name, busy, problem, onHold, onClose }: { name: string; busy: boolean; problem: Problem | null; onHold: () => void; onClose: () => void }) {
  const { t } = useWording();
  return (
    <Dialog
      title={t('run.pause_title', { name })}
      onClose={onClose}
      onSubmit={onHold}
      footer={
        <>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button kind="primary" icon="pause" type="submit" busy={busy}>{t('run.pause')}</Button>
        </>
      }
    >
      <div className="loss">{t('run.pause_warning')}</div>
      {problem && <ProblemLine problem={problem} />}
    </Dialog>
  );
}
