import { MantineProvider } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import type { QueryClient } from '@tanstack/react-query';
import { useQuery } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useCallback, useEffect, type ReactNode } from 'react';
import type { Words } from '../i18n';
import { WordsProvider } from '../i18n/react';
import { AgentProvider, useAgent, type Agent } from '../state/react';
import { theme, variables } from '../ui/theme';
import { ErrorBoundary } from './ErrorBoundary';
import { languageOf, rememberLanguage } from './language';
import type { Router } from './router';

export function App({ agent, client, words, router }: { agent: Agent; client: QueryClient; words: Words; router: Router }) {
  const open = useCallback((route: string) => router.history.push(route), [router]);
  return (
    <AgentProvider agent={agent} client={client} onOpen={open}>
      <Personal words={words}>
        <ErrorBoundary>
          <RouterProvider router={router} />
        </ErrorBoundary>
      </Personal>
    </AgentProvider>
  );
}

/** Shows the pages in the language and the colours that the person's settings say. */
export function Personal({ words, children }: { words: Words; children: ReactNode }) {
  const { data: settings } = useQuery(useAgent().questions.settings);
  const dark = useMediaQuery('(prefers-color-scheme: dark)', false, { getInitialValueInEffect: false });
  const system = dark ? 'dark' : 'light';
  const theirs = settings?.theme ?? 'system';
  // Mantine first sets the default and only then what is forced: both, or a dark window flashes in white.
  const scheme = theirs === 'system' ? system : theirs;
  const lang = settings ? languageOf(settings) : words.lang;
  useEffect(() => {
    if (settings) rememberLanguage(languageOf(settings));
  }, [settings]);
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme={scheme} forceColorScheme={scheme} getStyleNonce={nonce}>
      <WordsProvider initial={words} lang={lang}>
        {children}
      </WordsProvider>
    </MantineProvider>
  );
}

/** What the page's policy lets style elements in with. */
function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? '';
}
