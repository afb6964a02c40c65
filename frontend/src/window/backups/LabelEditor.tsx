import { useId, useState, type KeyboardEvent } from 'react';
import type { Backup, Label } from '../../api/api';
import { useWording } from '../../i18n/react';
import { useAct, useCanAct } from '../../state/react';
import { Button } from '../../ui/Button';
import { Icon } from '../../ui/Icon';
import { ProblemLine } from '../../ui/ProblemCard';
import './backups.css';

/** The longest tag and the longest note, in characters. */
const longestTag = 64;
const longestNote = 4096;

/** Escape is the field's own: the drawer around it stays open. */
const ownEscape = { 'data-mantine-stop-propagation': true };

/** Pins a backup, tags it and writes a note on it, each where it stands. */
export function LabelEditor({ of: b }: { of: Backup }) {
  const { t } = useWording();
  const write = useAct((api, label: Label) => api.label(b.id, label));
  const mayAct = useCanAct();
  const now: Label = { pinned: b.pinned ?? false, tags: b.tags ?? [], note: b.note ?? '' };
  const change = (part: Label, then?: () => void) => {
    if (mayAct && !write.isPending) write.mutate({ ...now, ...part }, { onSuccess: () => then?.() });
  };
  return (
    <section className="col gap-3" aria-label={t('label.title')} aria-busy={write.isPending}>
      <div className="row wrap">
        <Button small icon="pin" aria-pressed={now.pinned === true} disabled={!mayAct} onClick={() => change({ pinned: !now.pinned })}>{t('label.pin')}</Button>
        <span className="help">{t(now.pinned ? 'label.pinned_help' : 'label.pin_help')}</span>
      </div>
      <Tags tags={now.tags ?? []} onChange={(tags, then) => change({ tags }, then)} />
      <Note note={now.note ?? ''} busy={write.isPending} onChange={(note, then) => change({ note }, then)} />
      {write.error && <ProblemLine problem={write.error} />}
    </section>
  );
}

function Tags({ tags, onChange }: { tags: readonly string[]; onChange: (tags: string[], then?: () => void) => void }) {
  const { t } = useWording();
  const [typed, setTyped] = useState('');
  const mayAct = useCanAct();
  const add = () => {
    const fresh = typed.split(',').map((tag) => tag.trim()).filter(Boolean);
    if (fresh.length > 0) onChange([...new Set([...tags, ...fresh])], () => setTyped(''));
  };
  const onKeyDown = (e: KeyboardEvent) => {
    if (e.key === 'Enter') add();
    else if (e.key === 'Escape') setTyped('');
    else if (e.key === 'Backspace' && typed === '' && tags.length > 0) onChange(tags.slice(0, -1));
  };
  return (
    <div className="row wrap">
      <Icon name="tag" />
      {tags.map((tag) => (
        <span key={tag} className="tag chip">
          <bdi className="cut" title={tag}>{tag}</bdi>
          <button type="button" disabled={!mayAct} aria-label={t('label.remove_tag', { tag })} onClick={() => onChange(tags.filter((other) => other !== tag))}><Icon name="cancel" size={12} /></button>
        </span>
      ))}
      <input className="inp sm" aria-label={t('label.add_tag')} placeholder={t('label.add_tag')} value={typed} maxLength={longestTag} onChange={(e) => setTyped(e.currentTarget.value)} onKeyDown={onKeyDown} onBlur={add} disabled={!mayAct} autoComplete="off" spellCheck={false} {...ownEscape} />
    </div>
  );
}

function Note({ note, busy, onChange }: { note: string; busy: boolean; onChange: (note: string, then: () => void) => void }) {
  const { t } = useWording();
  const [typed, setTyped] = useState<string>();
  const id = useId();
  const mayAct = useCanAct();
  if (typed === undefined)
    return (
      <div className={note ? 'row top' : 'row'}>
        <Icon name="file" />
        {note && <p className="grow note"><bdi>{note}</bdi></p>}
        <Button small kind="quiet" disabled={!mayAct} onClick={() => setTyped(note)}>{t(note ? 'label.edit_note' : 'label.add_note')}</Button>
      </div>
    );
  const done = () => setTyped(undefined);
  const save = () => onChange(typed.trim(), done);
  return (
    <div className="col gap-2">
      <label className="lab" htmlFor={id}>{t('label.note')}</label>
      <textarea
        id={id}
        className="inp area"
        rows={3}
        value={typed}
        maxLength={longestNote}
        autoFocus
        onChange={(e) => setTyped(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === 'Escape') done();
          else if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) save();
        }}
        {...ownEscape}
      />
      <div className="row">
        <Button small busy={busy} onClick={save}>{t('label.save')}</Button>
        <Button small kind="quiet" onClick={done}>{t('action.cancel')}</Button>
        <span className="help">{t('label.keys')}</span>
      </div>
    </div>
  );
}
