import type { Backup } from '../../api/api';
import { useWording } from '../../i18n/react';
import { Icon } from '../../ui/Icon';
import { TextLink } from '../../ui/Page';
import './backups.css';

/** So many tags stand in a row of a table; more are counted. */
const shown = 2;

/** What a person wrote on a backup, as short as a row of a table wants it. */
export function LabelMarks({ of: { pinned, tags = [], note } }: { of: Backup }) {
  const { t } = useWording();
  if (!pinned && tags.length === 0 && !note) return null;
  return (
    <span className="row g1 marks">
      {pinned && <span className="tag" title={t('label.pinned')}><Icon name="pin" size={12} /><span className="sr">{t('label.pinned')}</span></span>}
      {tags.slice(0, shown).map((tag) => <TextLink key={tag} className="tag" to="/backups" search={{ tag }} title={tag}><bdi>{tag}</bdi></TextLink>)}
      {tags.length > shown && <span className="dim small" title={tags.join(', ')}>{t('label.more_tags', { count: tags.length - shown })}</span>}
      {note && <span className="cut dim small" title={note}><bdi>{note}</bdi></span>}
    </span>
  );
}
