/** The Go side's texts in English, without those of the command line and the tray; those of the state come with the first page. */
const files = import.meta.glob<Record<string, string>>(
  ['../../../internal/i18n/messages/en/*.json', '!../../../internal/i18n/messages/en/{cli,tray,format,state}.json'],
  { eager: true, import: 'default' },
);
export default Object.assign({}, ...Object.values(files)) as Record<string, string>;
