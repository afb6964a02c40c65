import { useDebouncedValue } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { Backup, RestoreCheck, RestoreRequest, Server } from '../../api/api';
import { problemOf, type Problem } from '../../api/problem';
import { useAgent } from '../../state/react';

/** So long after the last keystroke the checks are run, in milliseconds. */
const pause = 350;

export interface RestoreForm {
  backup: Backup;
  choose: (backup: Backup) => void;
  servers: readonly Server[];
  server: string;
  chooseServer: (name: string) => void;
  /** The name of the new database: the person's, or the one proposed. */
  name: string;
  type: (name: string) => void;
  /** The dangerous way: the name of what is overwritten. */
  overwrite: string | undefined;
  setOverwrite: (name: string | undefined) => void;
  check: RestoreCheck | undefined;
  checking: boolean;
  problem: Problem | undefined;
  recheck: () => void;
  request: RestoreRequest;
}

/** What is to be restored and where to, with checks that follow every change. An answer to an older form is never shown for a newer one. */
export function useRestoreForm(first: Backup, servers: readonly Server[]): RestoreForm {
  const { api } = useAgent();
  const [backup, choose] = useState(first);
  const able = servers.filter((s) => s.engine === backup.engine);
  const [wanted, chooseServer] = useState(first.server);
  const server = (able.find((s) => s.name === wanted) ?? able[0])?.name ?? '';
  const [typed, type] = useState<string>();
  const [overwrite, setOverwrite] = useState<string>();

  const asked = typed?.trim() ?? '';
  const [name] = useDebouncedValue(asked, pause);
  const request: RestoreRequest = overwrite === undefined ? { server, database: name } : { server, database: overwrite, overwrite };
  const answer = useQuery({
    queryKey: ['restoreCheck', backup.id, request],
    queryFn: () => api.checkRestore(backup.id, request),
    enabled: server !== '' && (overwrite !== undefined || typed === undefined || name !== ''),
    staleTime: 'static', // every event would run the checks anew
    gcTime: 0,
  });
  const behind = overwrite === undefined && name !== asked;
  const proposed = typed ?? answer.data?.database ?? '';
  const database = overwrite ?? proposed.trim();
  const fresh = !behind && !answer.isFetching;
  return {
    backup, choose, servers: able, server, name: proposed, type, overwrite, check: fresh ? answer.data : undefined,
    // Another server may have no database of that name.
    chooseServer: (s) => {
      chooseServer(s);
      setOverwrite(undefined);
    },
    setOverwrite, checking: answer.isFetching || behind, problem: fresh && answer.error ? problemOf(answer.error) : undefined,
    recheck: () => void answer.refetch(),
    request: { server, database, ...(overwrite !== undefined && { overwrite }) },
  };
}
