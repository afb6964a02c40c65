import { useWording } from '../i18n/react';
import { LinkButton } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { PageHead } from '../ui/Page';

export function NotFound() {
  const { t } = useWording();
  return (
    <>
      <PageHead title={t('notfound.title')} />
      <EmptyState title={t('notfound.what')} actions={<LinkButton to="/" kind="primary">{t('nav.dashboard')}</LinkButton>}>
        {t('notfound.body')}
      </EmptyState>
    </>
  );
}
