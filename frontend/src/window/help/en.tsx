import { StateIcon } from '../../ui/StateIcon';
import type { Section } from './section';

export const sections: Section[] = [
  {
    id: 'states',
    title: 'What “protected” means',
    body: (
      <>
        <dl>
          <dt><StateIcon look="ok" /></dt>
          <dd><b>Protected.</b> The newest backup of the database was made without an error and was proven.</dd>
          <dt><StateIcon look="warn" /></dt>
          <dd><b>Needs attention.</b> There is a backup, but something about it needs you: it was never proven, or its proof failed.</dd>
          <dt><StateIcon look="bad" /></dt>
          <dd><b>Not protected.</b> There is no backup, or the last attempt to make one failed.</dd>
          <dt><StateIcon look="off" /></dt>
          <dd><b>Unknown.</b> The agent, the part of Rahat Backup that does the work, does not answer. What you see is then as old as it says.</dd>
        </dl>
        <p>The sentence at the top names the first thing to do, and its button does it.</p>
      </>
    ),
  },
  {
    id: 'proof',
    title: 'What a proof is',
    body: (
      <>
        <p>A backup that was never restored is a hope. For a proof, Rahat restores the backup into a throw-away server on this computer and compares every row of every table with what was read. Then it throws that server away. Your database is not touched.</p>
        <ul>
          <li><b>Every piece read back:</b> each byte in the destination was read and its checksum is right.</li>
          <li><b>Restored:</b> the structure of the database came back.</li>
          <li><b>Restored and equal:</b> everything came back, and every row is equal.</li>
        </ul>
        <p>A proof needs room on the disk for the restored database, for as long as it takes.</p>
      </>
    ),
  },
  {
    id: 'jobs',
    title: 'What runs by itself',
    body: (
      <>
        <p>A <b>job</b> says which databases are backed up, when, where to, and what is kept. What you protect on the dashboard gets a job at once: every night at 02:00, proven, and nothing is removed. Change it under Jobs.</p>
        <ul>
          <li><b>Missed runs:</b> if the computer was off or asleep at the time, one run makes up for it afterwards, however many were missed.</li>
          <li><b>When clocks change:</b> a time that is skipped is met at the moment of the change; a time that comes twice is met once.</li>
          <li><b>Failures</b> that may pass are tried again after a while. What failed for good stands at the top of Activity until you try it again or dismiss it.</li>
          <li><b>What is kept:</b> without numbers, everything. The newest good backup, the newest proven one and pinned ones are never removed, and none is while runs fail.</li>
          <li><b>Pausing a backup</b> keeps its snapshot open on the server. Do not leave it so for long.</li>
        </ul>
        <p>A schedule is written in fields or as one line, for the command line too:</p>
        <pre>{`02:00               every day
mon,thu 02:00       on days of the week
1,15 02:00          on days of the month
every 4h            at 00:00, 04:00, and so on
30 2 * * *          cron: minute hour day month weekday`}</pre>
      </>
    ),
  },
  {
    id: 'places',
    title: 'Where things lie',
    body: (
      <>
        <ul>
          <li><b>Backups</b> lie in their destination, the folder you chose. They are encrypted and share what they have in common: a backup after a small change adds little.</li>
          <li><b>Settings, the list of backups and the log</b> (<code>agent.log</code>) lie in the folder that Settings shows under About.</li>
          <li><b>Passwords and keys</b> lie in the keychain of this computer; where there is none, in an encrypted file in that folder.</li>
        </ul>
        <p>The destination knows everything about its backups. If the list of backups is lost, it is made anew from there:</p>
        <pre>rahat catalog rebuild</pre>
        <p>Do not change or rename anything in a destination by hand. To move it, copy the whole folder.</p>
      </>
    ),
  },
  {
    id: 'passwords',
    title: 'When a password is lost',
    body: (
      <>
        <p><b>The password of a database server</b> is not needed to read backups. Set a new one on the server; the dashboard then asks you for it.</p>
        <p><b>The passphrase of a destination</b> is needed only on another computer. This computer opens its backups with the key in its keychain. Nobody can give you a lost passphrase back, we neither.</p>
        <p><b>This computer is lost</b> and with it its keychain: on another one, add the destination again with its passphrase. Without the passphrase, or another key that was given to the destination, its backups cannot be read by anyone. So keep the passphrase on paper, away from the computer.</p>
        <pre>rahat destination add disk --url /mnt/backup --passphrase</pre>
      </>
    ),
  },
  {
    id: 'restore',
    title: 'Bringing data back',
    body: (
      <>
        <p>A restore makes a new database under a new name beside the old one. You can look into it, take from it what you need and drop it again. An existing database is replaced only when you type its name.</p>
        <p>From the command line, the newest backup of all, or one table of a certain backup:</p>
        <pre>{`rahat restore latest --to-server local
rahat restore 019e5f3a-b2c1 --to-server local --table public.orders`}</pre>
      </>
    ),
  },
  {
    id: 'commands',
    title: 'The command line',
    body: (
      <>
        <p>Everything here can also be done by <code>rahat</code>, on a server without a screen too. Without a command it says how things stand. Every command has <code>--help</code>, and <code>--json</code> for scripts.</p>
        <pre>{`rahat                            how things stand
rahat discover                   which databases are here
rahat backup --server local --database shop --verify full
rahat backups                    what there is, and whether it was proven
rahat ui                         these pages in a browser`}</pre>
      </>
    ),
  },
  {
    id: 'without',
    title: 'Without Rahat Backup',
    body: (
      <>
        <p>Your data is not locked in. Any backup can be turned into a standard file of its engine, such as an SQL script, that <code>psql</code> or <code>sqlite3</code> reads:</p>
        <pre>rahat export latest -o /tmp/shop.sql</pre>
        <p>That works on any computer with the destination and a key, without settings or a list of backups:</p>
        <pre>rahat export latest -o /tmp/ --from /mnt/backup --passphrase</pre>
        <p>The form of the backups on disk is described to the byte in <code>FORMAT.md</code> of the source code, so that a reader can be written even if this program is gone.</p>
      </>
    ),
  },
];
