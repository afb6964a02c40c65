import { Outlet, useRouter } from '@tanstack/react-router';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import type { Key } from '../i18n';
import { useWording } from '../i18n/react';
import { isOver } from '../state/live';
import { useAgent, useLink, useRuns, useStatus } from '../state/react';
import { Icon, type IconName } from '../ui/Icon';
import { LostBanner } from '../ui/LostBanner';
import { TextLink } from '../ui/Page';
import { StateIcon } from '../ui/StateIcon';
import { lookOfStatus } from '../ui/StateSentence';
import { rests } from '../ui/useRunWords';

interface Entry {
  to: '/' | '/jobs' | '/backups' | '/destinations' | '/activity' | '/settings' | '/help';
  icon: IconName;
  label: Key;
}

/** Only what exists is listed. */
const entries: Entry[] = [
  { to: '/', icon: 'dashboard', label: 'nav.dashboard' },
  { to: '/jobs', icon: 'calendar', label: 'nav.jobs' },
  { to: '/backups', icon: 'archive', label: 'nav.backups' },
  { to: '/destinations', icon: 'destination', label: 'nav.destinations' },
  { to: '/activity', icon: 'activity', label: 'nav.activity' },
  { to: '/settings', icon: 'settings', label: 'nav.settings' },
  { to: '/help', icon: 'help', label: 'nav.help' },
];

/** What stands around every page: the navigation at the left, the page at the right. */
export function Shell() {
  const { t } = useWording();
  const main = useRef<HTMLElement>(null);
  const router = useRouter();
  useStatus();
  // Who listens or uses the keyboard begins anew at the top of the new page.
  useEffect(
    () =>
      router.subscribe('onResolved', ({ pathChanged, fromLocation }) => {
        const title = main.current?.querySelector('h1')?.textContent;
        document.title = title ? `${title} · Rahat Backup` : 'Rahat Backup';
        if (!pathChanged || !fromLocation) return;
        main.current?.focus();
        main.current?.scrollTo(0, 0);
      }),
    [router],
  );
  return (
    <div className="app">
      <a
        href="#main"
        className="skip"
        onClick={(e) => {
          e.preventDefault(); // the address behind # is the page's
          main.current?.focus();
        }}
      >
        {t('nav.skip')}
      </a>
      <Navigation />
      <main className="main" id="main" tabIndex={-1} ref={main}>
        <LostBanner />
        <Outlet />
      </main>
    </div>
  );
}

/** How many runs go on or are about to; those that were paused or wait for another attempt rest. */
function useRunning(): number {
  return [...useRuns().values()].filter((r) => !isOver(r) && !rests(r)).length;
}

function Navigation() {
  const { t } = useWording();
  const running = useRunning();
  return (
    <nav className="nav" aria-label={t('nav.main')}>
      <div className="brand">
        <svg viewBox="0 0 20 20" aria-hidden="true">
          <path d="M10 1.25 17.5 4v5.25c0 4.6-3.1 7.9-7.5 9.5-4.4-1.6-7.5-4.9-7.5-9.5V4z" fill="currentColor" />
          <path d="M13.6 8.1A4 4 0 1 0 14 10M13.9 5.9v2.4h-2.4" fill="none" stroke="var(--bg)" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
        <span>Rahat Backup</span>
      </div>
      {entries.map(({ to, icon, label }) => (
        <TextLink key={to} to={to} activeOptions={{ exact: to === '/', includeSearch: false }}>
          <Icon name={icon} />
          <span className="tip">{t(label)}</span>
          {to === '/activity' && running > 0 && <span className="count"><span aria-hidden="true">{running}</span><span className="sr"> {t('nav.running', { count: running })}</span></span>}
        </TextLink>
      ))}
      <Foot />
    </nav>
  );
}

/** Whether the agent is there, and which. */
function Foot() {
  const { t } = useWording();
  const { data: hello } = useQuery(useAgent().questions.hello);
  const { data: status } = useStatus();
  const link = useLink();
  const running = useRunning();
  const lost = link.state === 'lost';
  const words = lost ? t('agent.lost') : running ? t('agent.busy', { count: running }) : t('agent.running');
  return (
    <div className="nav-foot">
      <StateIcon look={lost ? 'warn' : running ? 'run' : status ? lookOfStatus(status) : 'off'} size={12} label={words} />
      <div aria-hidden="true">
        {words}
        {hello && <><br />{t('agent.version', { version: hello.version })}</>}
      </div>
    </div>
  );
}
