import { isProblemBody, Problem, problemOf } from '../api/problem';

/**
 * Hands a file over to be kept, and answers whether it was. In a browser it goes
 * where downloads go; the WebViews of Linux and macOS take none, so there the
 * window's program asks where it is to go and writes it.
 */
export async function save(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): Promise<boolean> {
  if (window.runtime) return saveByWindow(name, type, content);
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return true;
}

async function saveByWindow(name: string, type: string, content: string | Uint8Array<ArrayBuffer>): Promise<boolean> {
  let answer: Response;
  try {
    answer = await fetch(`/window/save?${new URLSearchParams({ name }).toString()}`, { method: 'POST', headers: { 'content-type': type }, body: content });
  } catch (e) {
    throw problemOf(e);
  }
  if (answer.ok) return answer.status !== 204; // the person thought better of it
  const problem: unknown = await answer.json().catch(() => undefined);
  throw new Problem(isProblemBody(problem) ? problem : { code: 'window.not_saved', params: { path: name, cause: `HTTP ${answer.status}` } });
}
