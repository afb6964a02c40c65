import { PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Destination } from '../../api/api';
import { problemOf, type Problem } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import type { Answer } from '../../ui/useAsk';
import { folderOf, urlOf } from './names';

/** Asks where backups go, when there is no place yet. */
export function DestinationDialog({ suggested, answer }: { suggested: Destination | undefined; answer: Answer<Destination> }) {
  const { t } = useWording();
  const { api } = useAgent();
  const [folder, setFolder] = useState(suggested ? folderOf(suggested.url) : '');
  const [passphrase, setPassphrase] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);

  const add = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      answer(await api.addDestination({ name: suggested?.name ?? 'backups', url: urlOf(folder), ...(passphrase && { passphrase }) }));
    } catch (e) {
      setProblem(problemOf(e));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      title={t('destination.title')}
      onClose={() => answer()}
      onSubmit={() => void add()}
      footer={
        <>
          <Button onClick={() => answer()}>{t('action.cancel')}</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={!folder.trim()}>{t('destination.use')}</Button>
        </>
      }
    >
      <p className="mut">{t('destination.body')}</p>
      <TextInput label={t('destination.folder')} description={t('destination.advice')} value={folder} onChange={(e) => setFolder(e.currentTarget.value)} spellCheck={false} data-autofocus />
      <PasswordInput label={t('destination.passphrase')} description={t('destination.passphrase_why')} value={passphrase} onChange={(e) => setPassphrase(e.currentTarget.value)} autoComplete="new-password" visibilityToggleButtonProps={{ 'aria-label': t('destination.show_passphrase') }} />
      {problem && <ProblemLine problem={problem} />}
    </Dialog>
  );
}
