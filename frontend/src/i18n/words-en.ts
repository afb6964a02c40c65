/** The Go side's texts in English, without those of the command line and the tray. */
const files = import.meta.glob<Record<string, string>>(
  ['../../../internal/i18n/messages/en/*.json', '!../../../internal/i18n/messages/en/{cli,tray,format}.json'],
  { eager: true, import: 'default' },
);
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
