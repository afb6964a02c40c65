import { lazy, Suspense } from 'react';
import type { Lang } from '../../format';
import { useWording } from '../../i18n/react';
import { Card, PageHead } from '../../ui/Page';
import type { Section } from './section';
import './help.css';

const articles: Record<Lang, ReturnType<typeof article>> = { en: article(() => import('./en')), tr: article(() => import('./tr')) };

function article(load: () => Promise<{ sections: Section[] }>) {
  return lazy(async () => {
    const { sections } = await load();
    return { default: () => <Sections of={sections} /> };
  });
}

function Sections({ of: sections }: { of: Section[] }) {
  const { t } = useWording();
  return (
    <>
      <nav aria-label={t('help.contents')} className="contents">
        {sections.map((s) => (
          <button key={s.id} type="button" className="link" onClick={() => show(s.id)}>{s.title}</button>
        ))}
      </nav>
      {sections.map((s) => (
        <div key={s.id} id={s.id} tabIndex={-1}>
          <Card title={s.title}><div className="card-b prose">{s.body}</div></Card>
        </div>
      ))}
    </>
  );
}

/** Goes to a section; a link could not, since what stands behind # is the page. */
function show(id: string): void {
  const section = document.getElementById(id);
  section?.scrollIntoView({ block: 'start' });
  section?.focus({ preventScroll: true });
}

/** What a person may want to know, without a network. */
export function Help() {
  const { t, lang } = useWording();
  const Article = articles[lang];
  return (
    <>
      <PageHead title={t('nav.help')} />
      <div className="help-page"><Suspense><Article /></Suspense></div>
    </>
  );
}
