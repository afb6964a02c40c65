import { PasswordInput, SegmentedControl, TextInput } from '@mantine/core';
import { useState } from 'react';
import type { Destination, DestinationCheck, NewDestination } from '../../api/api';
import { Problem, problemOf } from '../../api/problem';
import { useWording } from '../../i18n/react';
import { useAgent } from '../../state/react';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { ProblemLine } from '../../ui/ProblemCard';
import type { Answer } from '../../ui/useAsk';
import { bucketUrl, isWhole, type Bucket } from './bucket';
import { TestChecks } from '../destinations/TestChecks';
import { BucketFields } from './BucketFields';
import { folderOf, freeName, urlOf } from './names';

const noBucket: Bucket = { provider: 'aws', bucket: '', prefix: '', region: '', account: '', endpoint: '', pathStyle: true, keyId: '' };

/** Asks for a place for backups, a folder or a bucket, and tries it; one that does not work is not kept. */
export function DestinationDialog({ suggested, taken = [], answer }: { suggested: Destination | undefined; taken?: readonly string[]; answer: Answer<Destination> }) {
  const { t } = useWording();
  const { api } = useAgent();
  const [kind, setKind] = useState<'folder' | 'bucket'>('folder');
  const [folder, setFolder] = useState(suggested ? folderOf(suggested.url) : '');
  const [bucket, setBucket] = useState(noBucket);
  const [secret, setSecret] = useState('');
  const [passphrase, setPassphrase] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [checks, setChecks] = useState<DestinationCheck[]>();
  const [busy, setBusy] = useState(false);

  const place: NewDestination =
    kind === 'folder'
      ? { name: freeName(suggested?.name ?? 'backups', taken), url: urlOf(folder) }
      : { name: freeName(bucket.bucket, taken), url: bucketUrl(bucket), secret };
  const whole = kind === 'folder' ? folder.trim() !== '' : isWhole(bucket) && secret !== '';
  const add = async () => {
    setBusy(true);
    setProblem(undefined);
    setChecks(undefined);
    try {
      const added = await api.addDestination({ ...place, ...(passphrase && { passphrase }) });
      const test = await api.testDestination(added.name);
      if (test.ok) return answer(added);
      await api.removeDestination(added.name);
      setChecks(test.checks);
      if (test.problem) setProblem(new Problem(test.problem));
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
          <Button kind="primary" type="submit" busy={busy} disabled={!whole}>{busy ? t('destination.trying') : t(kind === 'folder' ? 'destination.use' : 'destination.use_bucket')}</Button>
        </>
      }
    >
      <p className="mut">{t('destination.body')}</p>
      <SegmentedControl aria-label={t('destination.kind')} value={kind} onChange={(k) => setKind(k)} data={[{ value: 'folder', label: t('destination.disk') }, { value: 'bucket', label: t('destination.bucket') }]} />
      {kind === 'folder' ? (
        <TextInput label={t('destination.folder')} description={t('destination.advice')} value={folder} onChange={(e) => setFolder(e.currentTarget.value)} spellCheck={false} data-autofocus />
      ) : (
        <BucketFields bucket={bucket} set={(change) => setBucket({ ...bucket, ...change })} secret={secret} setSecret={setSecret} />
      )}
      <PasswordInput label={t('destination.passphrase')} description={t('destination.passphrase_why')} value={passphrase} onChange={(e) => setPassphrase(e.currentTarget.value)} autoComplete="new-password" visibilityToggleButtonProps={{ 'aria-label': t('destination.show_passphrase') }} />
      {checks?.some((c) => c.status === 'failed') ? <div role="alert"><TestChecks checks={checks} /></div> : problem && <ProblemLine problem={problem} />}
    </Dialog>
  );
}
