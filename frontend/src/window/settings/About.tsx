import { useQuery } from '@tanstack/react-query';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { Card, TextLink } from '../../ui/Page';

/** Which program this is, and where it keeps its things. */
export function About() {
  const { t, format } = useWording();
  const { data: hello } = useQuery(useAgent().questions.hello);
  return (
    <Card title={t('about.title')}>
      <div className="card-b col gap-3">
        {hello && (
          <dl className="kv about">
            <dt>{t('about.version')}</dt><dd>{hello.version}</dd>
            <dt>{t('about.running_since')}</dt><dd>{format.time(new Date(hello.started))}</dd>
            <dt>{t('about.home')}</dt><dd className="mono">{hello.home}</dd>
            <dt>{t('about.vault')}</dt><dd>{t(hello.vault === 'keychain' ? 'about.vault_keychain' : 'about.vault_file')}</dd>
          </dl>
        )}
        <p className="mut">{t('about.licence')} <TextLink to="/licences">{t('about.licences')}</TextLink></p>
      </div>
    </Card>
  );
}
