import { createMemoryHistory } from '@tanstack/react-router';
import { render } from '@testing-library/react';
import { fakeApi, type FakeApi } from '../api/fake';
import type { Lang } from '../format';
import { startWords } from '../i18n';
import { connect } from '../state/react';
import { newQueryClient } from '../state/queries';
import { App } from '../window/App';
import { newRouter } from '../window/router';

/** Shows the whole program at one of its pages, on a fake agent. */
export async function show(path = '/', api: FakeApi = fakeApi(), lang: Lang = 'en') {
  api.world.settings = { ...api.world.settings, language: lang };
  const client = newQueryClient();
  const agent = connect(api, client);
  const router = newRouter(createMemoryHistory({ initialEntries: [path] }));
  render(<App agent={agent} client={client} words={await startWords(lang)} router={router} />);
  return { api, agent, router };
}
