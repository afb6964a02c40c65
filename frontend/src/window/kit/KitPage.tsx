import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { RecoveryKit, RecoveryState } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { StateIcon } from '../../ui/StateIcon';
import { Drill } from './Drill';
import './kit.css';
import { Paper } from './Paper';

/** The recovery kit: whether there is one, a new one, and the drill that tries it. */
export function KitPage() {
  const { t } = useWording();
  const states = useQuery(useAgent().questions.recovery);
  const lost = useLink().state === 'lost';
  return (
    <div className="kit-page">
      <PageHead crumb={<TextLink to="/settings">{t('nav.settings')}</TextLink>} title={t('kit.title')} />
      {states.data?.length === 0 ? (
        <EmptyState title={t('kit.too_early')} actions={<LinkButton to="/" kind="primary">{t('nav.dashboard')}</LinkButton>}>{t('kit.too_early_body')}</EmptyState>
      ) : states.data ? (
        <Parts states={states.data} />
      ) : states.isError && !lost ? (
        <ProblemCard problem={problemOf(states.error)}><Button onClick={() => void states.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <>
          <span className="sr" role="status">{t('kit.loading')}</span>
          <Later><section className="card pad col gap-4" aria-hidden="true"><Bone width={280} /><Bone width={220} /></section></Later>
        </>
      )}
    </div>
  );
}

function Parts({ states }: { states: readonly RecoveryState[] }) {
  const { t, lang } = useWording();
  const mayAct = useCanAct();
  const [kit, setKit] = useState<RecoveryKit>();
  const make = useAct((api) => api.makeKit({ language: lang }));
  const has = states.every((s) => s.kit);
  return (
    <>
      <p className="mut">{t('kit.what')}</p>
      {make.error && <ProblemCard problem={make.error} />}
      {kit ? (
        <Paper kit={kit} onClose={() => setKit(undefined)} />
      ) : (
        <Card title={t('kit.present')}>
          <ul className="checks in-card">{states.map((s) => <Known key={s.destination} state={s} />)}</ul>
          <div className="card-b row wrap">
            <Button kind={has ? 'plain' : 'primary'} icon="key" disabled={!mayAct} busy={make.isPending} onClick={() => make.mutate(undefined, { onSuccess: setKit })}>{t(has ? 'kit.make_another' : 'kit.make')}</Button>
            {has && <span className="dim small">{t('kit.another_help')}</span>}
          </div>
        </Card>
      )}
      <Drill destinations={states.map((s) => s.destination)} />
    </>
  );
}

function Known({ state: s }: { state: RecoveryState }) {
  const { t, format } = useWording();
  return (
    <li>
      <StateIcon look={s.kit && !s.drill_due ? 'ok' : 'warn'} />
      <bdi className="med">{s.destination}</bdi>
      <span className={s.kit ? 'mut small' : 't-warn small'}>{s.kit ? t('kit.made', { date: format.date(new Date(s.kit)) }) : t('kit.none')}</span>
      <span className={s.drill_due ? 'sub t-warn' : 'sub'}>{s.drilled ? t('kit.drilled', { date: format.date(new Date(s.drilled)) }) : t('kit.not_drilled')}</span>
    </li>
  );
}
