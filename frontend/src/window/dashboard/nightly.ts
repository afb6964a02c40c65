import type { Api, Job } from '../../api/api';

/** When what is set up without a question is backed up: at night, in this computer's time. */
export const nightlyAt = '02:00';

/**
 * Sees to it that databases are backed up every night, where no job does so yet:
 * the server's nightly job is made, or gets more to do. Its backups are proved,
 * and none is removed until the person gives a rule. Answers nothing when all
 * have a job already.
 */
export async function planNightly(api: Api, server: string, databases: readonly string[], destination: string): Promise<{ job: Job; added: boolean } | undefined> {
  const jobs = await api.jobs();
  const mine = jobs.filter((j) => j.server === server);
  const fresh = databases.filter((d) => !mine.some((j) => j.databases[0] === '*' || j.databases.includes(d)));
  if (fresh.length === 0) return undefined;
  const name = `${server.slice(0, 50)}-nightly`;
  const present = mine.find((j) => j.name === name && j.destinations[0] === destination);
  if (present) {
    const all = fresh.includes('*') ? ['*'] : [...present.databases, ...fresh];
    return { job: await api.editJob(name, { ...present, databases: all }), added: false };
  }
  const job: Job = { name: free(name, jobs), server, databases: fresh, destinations: [destination], type: 'incremental', verify: 'full', paused: false, schedule: nightlyAt };
  return { job: await api.addJob(job), added: true };
}

function free(name: string, jobs: readonly Job[]): string {
  let proposed = name;
  for (let n = 2; jobs.some((j) => j.name === proposed); n++) proposed = `${name}-${n}`;
  return proposed;
}
