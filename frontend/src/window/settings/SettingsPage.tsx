import { SegmentedControl, Switch } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import type { Settings } from '../../api/api';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAct, useAgent, useCanAct, useLink, useStatus } from '../../state/react';
import { Button, LinkButton } from '../../ui/Button';
import { Card, PageHead } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import { Bone, Later } from '../../ui/Skeleton';
import { ChannelsCard } from '../channels/ChannelsCard';
import { ConfigLine } from '../config/ConfigLine';
import { About } from './About';
import './settings.css';

/** How the program behaves for this person. What is chosen counts at once, as soon as the agent has kept it. */
export function SettingsPage() {
  const { t } = useWording();
  const settings = useQuery(useAgent().questions.settings);
  const save = useAct((api, s: Settings) => api.saveSettings(s));
  const lost = useLink().state === 'lost';
  return (
    <div className="settings-page">
      <PageHead title={t('nav.settings')} />
      {save.error && <ProblemCard problem={save.error}><Button onClick={() => save.reset()}>{t('action.close')}</Button></ProblemCard>}
      {settings.data ? (
        <Choices settings={save.isPending ? save.variables : settings.data} change={(c) => save.mutate({ ...settings.data, ...c })} />
      ) : settings.isError && !lost ? (
        <ProblemCard problem={problemOf(settings.error)}><Button onClick={() => void settings.refetch()}>{t('action.retry')}</Button></ProblemCard>
      ) : (
        <Card className="pad"><Later><div className="col gap-4"><Bone width={240} /><Bone width={320} /><Bone width={200} /></div></Later></Card>
      )}
      <ChannelsCard />
      <Installation />
      <About />
    </div>
  );
}

function Choices({ settings: s, change }: { settings: Settings; change: (c: Partial<Settings>) => void }) {
  const { t } = useWording();
  const mayAct = useCanAct();
  return (
    <>
      <Card title={t('settings.look')}>
        <div className="choices">
          <Choice label={t('settings.language')} value={s.language} disabled={!mayAct} onChange={(language) => change({ language })} options={[['system', t('settings.system')], ['en', 'English'], ['tr', 'Türkçe']]} />
          <Choice label={t('settings.theme')} value={s.theme} disabled={!mayAct} onChange={(theme) => change({ theme })} options={[['system', t('settings.system')], ['light', t('settings.light')], ['dark', t('settings.dark')]]} />
        </div>
      </Card>
      <Card title={t('settings.working')}>
        <div className="choices">
          <Choice label={t('settings.notify')} help={t('settings.notify_help')} value={s.notify} disabled={!mayAct} onChange={(notify) => change({ notify })} options={[['all', t('settings.notify_all')], ['problems', t('settings.notify_problems')], ['none', t('settings.notify_none')]]} />
          <Line label={t('settings.login')} help={s.at_login_possible ? t('settings.login_help') : t('settings.login_impossible')}>
            {(id, helpId) => <Switch id={id} aria-describedby={helpId} checked={s.start_at_login} disabled={!mayAct || !s.at_login_possible} onChange={(e) => change({ start_at_login: e.currentTarget.checked })} />}
          </Line>
          <Pause />
          <Line label={<div className="med">{t('kit.title')}</div>} help={t('kit.what')}>
            {(_, helpId) => <LinkButton to="/recovery-kit" aria-describedby={helpId} icon="key">{t('kit.open')}</LinkButton>}
          </Line>
        </div>
      </Card>
    </>
  );
}

/** What concerns the installation as a whole. */
function Installation() {
  const { t } = useWording();
  return (
    <Card title={t('settings.installation')}>
      <div className="choices">
        <Line label={<div className="med">{t('doctor.title')}</div>} help={t('doctor.help')}>
          {(_, helpId) => <LinkButton to="/doctor" aria-describedby={helpId} icon="search">{t('doctor.open_page')}</LinkButton>}
        </Line>
        <ConfigLine />
      </div>
    </Card>
  );
}

function Pause() {
  const { t } = useWording();
  const { data: status } = useStatus();
  const mayAct = useCanAct();
  const turn = useAct((api, paused: boolean) => (paused ? api.pause() : api.resume()));
  if (!status) return null;
  const { paused } = status;
  return (
    // The button says itself what it does; a label would speak over it.
    <Line label={<div className="med">{t('settings.backups')}</div>} help={paused ? t('settings.paused_help') : t('settings.pause_help')}>
      {(_, helpId) => (
        <Button aria-describedby={helpId} icon={paused ? 'resume' : 'pause'} disabled={!mayAct} busy={turn.isPending} onClick={() => turn.mutate(!paused)}>
          {paused ? t('pause.resume') : t('pause.pause')}
        </Button>
      )}
    </Line>
  );
}

/** One line: what it is about at the left, what to choose at the right. */
function Line({ label, help, children }: { label: ReactNode; help?: string; children: (id: string, helpId: string | undefined) => ReactNode }) {
  const id = useId();
  return (
    <div className="choice">
      <div>
        {typeof label === 'string' ? <label className="med" htmlFor={id}>{label}</label> : label}
        {help && <p className="help" id={`${id}-help`}>{help}</p>}
      </div>
      {children(id, help && `${id}-help`)}
    </div>
  );
}

function Choice<T extends string>({ label, help, value, options, disabled, onChange }: { label: string; help?: string; value: T; options: [T, string][]; disabled: boolean; onChange: (v: T) => void }) {
  const id = useId();
  return (
    <div className="choice">
      <div>
        <div className="med" id={id}>{label}</div>
        {help && <p className="help">{help}</p>}
      </div>
      <SegmentedControl aria-labelledby={id} value={value} disabled={disabled} onChange={(v) => onChange(v)} data={options.map(([v, words]) => ({ value: v, label: words }))} />
    </div>
  );
}
