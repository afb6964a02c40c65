import { useQuery } from '@tanstack/react-query';
import { problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { Card, PageHead, TextLink } from '../../ui/Page';
import { ProblemCard } from '../../ui/ProblemCard';
import './settings.css';

/** Reads what the build wrote of the packages that the pages are made of. */
async function read(): Promise<string> {
  const answer = await fetch('.vite/license.md');
  if (!answer.ok) throw new Error(`.vite/license.md: HTTP ${answer.status}`);
  return answer.text();
}

/** The licences of what the pages are made of. */
export function Licences() {
  const { t } = useWording();
  const text = useQuery({ queryKey: ['licences'], queryFn: read });
  return (
    <>
      <PageHead crumb={<TextLink to="/settings">{t('nav.settings')}</TextLink>} title={t('about.licences_title')} />
      {text.isError && <ProblemCard problem={problemOf(text.error)} />}
      {text.data && <Card><pre className="licences" lang="en">{text.data}</pre></Card>}
    </>
  );
}
