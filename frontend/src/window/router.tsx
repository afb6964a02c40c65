import { createHashHistory, createRootRoute, createRoute, createRouter, lazyRouteComponent, type ErrorComponentProps, type RouterHistory } from '@tanstack/react-router';
import { Dashboard } from './dashboard/Dashboard';
import { Broken } from './ErrorBoundary';
import { NotFound } from './NotFound';
import { Shell } from './Shell';

/*
 * Pages and their addresses. They stand behind a # because the window's own
 * server knows no other page than the first. All but the dashboard are chunks of
 * their own.
 */

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const dashboard = createRoute({ getParentRoute: () => root, path: '/', component: Dashboard });

const activity = createRoute({ getParentRoute: () => root, path: '/activity', component: lazyRouteComponent(() => import('./activity/Activity'), 'Activity') });

const jobs = createRoute({ getParentRoute: () => root, path: '/jobs', component: lazyRouteComponent(() => import('./jobs/JobsPage'), 'JobsPage') });

const job = createRoute({ getParentRoute: () => root, path: '/jobs/$job', component: lazyRouteComponent(() => import('./jobs/JobPage'), 'JobPage') });

// Not below /jobs, where a job may be called so.
const newJob = createRoute({ getParentRoute: () => root, path: '/new-job', component: lazyRouteComponent(() => import('./jobs/JobPage'), 'NewJobPage') });

const settings = createRoute({ getParentRoute: () => root, path: '/settings', component: lazyRouteComponent(() => import('./settings/SettingsPage'), 'SettingsPage') });

const destinations = createRoute({ getParentRoute: () => root, path: '/destinations', component: lazyRouteComponent(() => import('./destinations/DestinationsPage'), 'DestinationsPage') });

const destination = createRoute({ getParentRoute: () => root, path: '/destinations/$destination', component: lazyRouteComponent(() => import('./destinations/DestinationPage'), 'DestinationPage') });

const doctor = createRoute({ getParentRoute: () => root, path: '/doctor', component: lazyRouteComponent(() => import('./doctor/DoctorPage'), 'DoctorPage') });

const recoveryKit = createRoute({ getParentRoute: () => root, path: '/recovery-kit', component: lazyRouteComponent(() => import('./kit/KitPage'), 'KitPage') });

const licences = createRoute({ getParentRoute: () => root, path: '/licences', component: lazyRouteComponent(() => import('./settings/Licences'), 'Licences') });

const help = createRoute({ getParentRoute: () => root, path: '/help', component: lazyRouteComponent(() => import('./help/Help'), 'Help') });

const database = createRoute({
  getParentRoute: () => root,
  path: '/databases/$server/$database',
  component: lazyRouteComponent(() => import('./database/DatabasePage'), 'DatabasePage'),
  validateSearch: (s: Record<string, unknown>): { backup?: string } => (s.backup === undefined ? {} : { backup: text(s.backup) }),
});

/** Which backups are listed: those with a tag, those that are pinned, or those that the rules would remove. */
interface Wanted {
  backup?: string;
  tag?: string;
  show?: 'pinned' | 'going';
}

const backups = createRoute({
  getParentRoute: () => root,
  path: '/backups',
  component: lazyRouteComponent(() => import('./backups/BackupsPage'), 'BackupsPage'),
  validateSearch: ({ backup, tag, show }: Record<string, unknown>): Wanted => ({
    ...(backup !== undefined && { backup: text(backup) }), ...(tag !== undefined && { tag: text(tag) }), ...((show === 'pinned' || show === 'going') && { show }),
  }),
});

const run = createRoute({ getParentRoute: () => root, path: '/runs/$run', component: lazyRouteComponent(() => import('./run/RunPage'), 'RunPage') });

const restore = createRoute({
  getParentRoute: () => root,
  path: '/restore/$backup',
  component: lazyRouteComponent(() => import('./restore/RestorePage'), 'RestorePage'),
  validateSearch: (s: Record<string, unknown>): { run?: string } => (s.run === undefined ? {} : { run: text(s.run) }),
});

const tree = root.addChildren([dashboard, jobs, job, newJob, backups, activity, destinations, destination, settings, doctor, recoveryKit, licences, help, database, run, restore]);

/** What an address holds, as text: the router reads digits as a number. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function newRouter(history: RouterHistory = createHashHistory()) {
  return createRouter({
    history,
    routeTree: tree,
    defaultPreload: 'intent',
    defaultErrorComponent: ({ error, reset }: ErrorComponentProps) => <Broken error={error} onRetry={reset} />,
  });
}

export type Router = ReturnType<typeof newRouter>;

declare module '@tanstack/react-router' {
  interface Register {
    router: Router;
  }
}
