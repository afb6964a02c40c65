import '../ui/mantine.css';
import '../ui/tokens.css';
import '../ui/base.css';
import '../ui/ui.css';
import '../ui/shell.css';
import { createRoot } from 'react-dom/client';
import type { Api } from '../api/api';
import { httpApi } from '../api/http';
import { wailsApi } from '../api/wails';
import { connect } from '../state/react';
import { newQueryClient } from '../state/queries';
import { App } from './App';
import { firstWords } from './language';
import { newRouter } from './router';

/** The same pages run in the window and in a browser; `?fake=` is for tests and for work on the pages. */
async function chooseApi(): Promise<Api> {
  if (__FAKE_API__ && new URLSearchParams(location.search).has('fake')) {
    const { fakeFromAddress } = await import('../api/fake');
    return fakeFromAddress(new URLSearchParams(location.search));
  }
  return window.runtime ? wailsApi(window.runtime) : httpApi();
}

const client = newQueryClient();
const agent = connect(await chooseApi(), client);
const words = await firstWords(agent, client);
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no root');
createRoot(root).render(<App agent={agent} client={client} words={words} router={newRouter()} />);
