import type { Backup, DatabaseStatus, VerifyResult } from '../api/api';
import { useWording } from '../i18n/react';
import { StateIcon } from './StateIcon';

/** A word or two on the newest proof of a backup: when it was restored and found equal, and whether that is longer ago than its job wants. */
export function ProofAge({ proven, concern, now }: { proven: Backup | undefined; concern: DatabaseStatus['concern']; now: Date }) {
  const { t, format } = useWording();
  if (concern === 'disproven') return <span className="t-bad">{t('proof.failed')}</span>;
  const proof = proven?.proof;
  if (!proof) return <span className="dim">{t('proof.none')}</span>;
  const at = new Date(proof.at);
  const age = <time dateTime={proof.at} title={format.time(at)}>{format.ago(at, now)}</time>;
  return concern === 'proof_old' ? <span className="row g1 t-warn"><StateIcon look="warn" size={12} label={t('proof.old')} />{age}</span> : age;
}

/** The proof as a certificate: what was restored, and how much of it was compared. */
export function Proof({ proof }: { proof: VerifyResult }) {
  const { t, format } = useWording();
  const ok = proof.status === 'ok';
  return (
    <section className={`card cert ${ok ? '' : 'bad'}`} aria-label={t('proof.certificate')}>
      <div className="row g3 top">
        {ok ? <Seal /> : <StateIcon look="bad" size={32} />}
        <div>
          <div className="dim small">{t('proof.certificate')}</div>
          <h2>{ok ? t(`proof.level.${proof.level}`) : t('proof.failed')}</h2>
          <time className="mut small" dateTime={proof.at}>{format.time(new Date(proof.at))}</time>
        </div>
      </div>
      <dl className="kv">
        {proof.rows > 0 && <><dt>{t('proof.rows')}</dt><dd className="med">{format.count(proof.rows)}</dd></>}
        <dt>{t('proof.took')}</dt><dd>{format.duration(proof.seconds * 1000)}</dd>
        <dt>{t('proof.checks')}</dt>
        <dd>{t('proof.checks_ok', { ok: proof.checks.filter((c) => c.status === 'ok').length, all: proof.checks.length })}</dd>
      </dl>
    </section>
  );
}

/** A guilloche of ellipses around a check, as on papers that are worth something. */
function Seal() {
  return (
    <svg className="seal" viewBox="0 0 44 44" aria-hidden="true">
      {Array.from({ length: 24 }, (_, i) => (
        <ellipse key={i} cx="22" cy="22" rx="20" ry="7.5" fill="none" stroke="var(--ok)" strokeOpacity=".35" strokeWidth=".7" transform={`rotate(${i * 7.5} 22 22)`} />
      ))}
      <circle cx="22" cy="22" r="11" fill="var(--ok)" />
      <path d="m16.8 22.4 3.6 3.6 6.8-7.4" fill="none" stroke="var(--glyph-on)" strokeWidth="2.2" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
