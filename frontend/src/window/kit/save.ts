/** Whether files can be saved from here: the WebViews of Linux and macOS take no downloads. */
export function canSave(): boolean {
  return !window.runtime || navigator.userAgent.includes('Windows');
}

/** Hands a file over to be saved where the browser saves. */
export function save(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
