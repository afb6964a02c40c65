import type { QueryClient } from '@tanstack/react-query';
import type { Settings } from '../api/api';
import type { Lang } from '../format';
import { isLang, startWords, type Words } from '../i18n';
import type { Agent } from '../state/react';

const remembered = 'rahat.language';

/** The language of the settings. The WebView's own is not asked: it does not always know the person's. */
export function languageOf(settings: Settings): Lang {
  return settings.language === 'system' ? settings.locale : settings.language;
}

/** Notes the language for a start without an agent. */
export function rememberLanguage(lang: Lang): void {
  localStorage.setItem(remembered, lang);
}

/** The words to begin with: those of the settings, else the last ones, else the browser's. */
export async function firstWords(agent: Agent, client: QueryClient): Promise<Words> {
  const settings = await client.ensureQueryData(agent.questions.settings).catch(() => undefined);
  if (settings) return startWords(languageOf(settings), true);
  const last = localStorage.getItem(remembered) ?? navigator.language.slice(0, 2);
  return startWords(isLang(last) ? last : 'en', true);
}
