import { createHashHistory, createRootRoute, createRoute, createRouter, type ErrorComponentProps, type RouterHistory } from '@tanstack/react-router';
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

const tree = root.addChildren([dashboard]);

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
