import type { ReactNode } from 'react';

/** Drawings on a grid of 16, by what they mean. */
const drawings = {
  dashboard: <><rect x="2" y="2" width="5" height="7" rx="1"/><rect x="9" y="2" width="5" height="4" rx="1"/><rect x="9" y="8.5" width="5" height="5.5" rx="1"/><rect x="2" y="11.5" width="5" height="2.5" rx="1"/></>,
  database: <><ellipse cx="8" cy="3.75" rx="5.25" ry="2"/><path d="M2.75 3.75v8.5c0 1.1 2.35 2 5.25 2s5.25-.9 5.25-2v-8.5M2.75 8c0 1.1 2.35 2 5.25 2s5.25-.9 5.25-2"/></>,
  activity: <path d="M1.5 8.5h3l2-6 3.25 11 2-5h2.75"/>,
  calendar: <><rect x="2" y="3" width="12" height="11" rx="1.5"/><path d="M2 6.5h12M5.25 1.5v3M10.75 1.5v3M8 9v2h1.75"/></>,
  settings: <><path d="M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7"/><circle cx="10.75" cy="4.5" r="1.75"/><circle cx="5.25" cy="11.5" r="1.75"/></>,
  help: <><circle cx="8" cy="8" r="6.25"/><path d="M6.25 6.25c.1-1 .8-1.6 1.8-1.6s1.75.65 1.75 1.55c0 1.3-1.8 1.4-1.8 2.8M8 11.25v.05"/></>,
  backup: <path d="M8 10.5v-8M4.75 5.5 8 2.25l3.25 3.25M2.5 10.5v2a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-2"/>,
  restore: <><path d="M2.5 3v3.5H6"/><path d="M2.9 6.5A5.75 5.75 0 1 1 2.25 9"/><path d="M8 5.5V8.5l2 1.25"/></>,
  pin: <><path d="M9.25 2.25 13.75 6.75l-2 .75-2.5 2.5-.4 2.9-5.75-5.75 2.9-.4 2.5-2.5z"/><path d="M5.75 10.25 2.25 13.75"/></>,
  tag: <><path d="M2.25 2.25h5.5l6 6-5.5 5.5-6-6z"/><path d="M5.25 5.25h.01"/></>,
  pause: <path d="M5.25 3v10M10.75 3v10"/>,
  resume: <path d="M4.5 2.75v10.5L13 8z"/>,
  cancel: <path d="m4 4 8 8M12 4l-8 8"/>,
  check: <path d="m3 8.5 3.25 3.25L13 4.75"/>,
  plus: <path d="M8 3v10M3 8h10"/>,
  search: <><circle cx="7" cy="7" r="4.5"/><path d="M10.5 10.5 14 14"/></>,
  copy: <><rect x="5.25" y="5.25" width="8.5" height="8.5" rx="1"/><path d="M10.5 5V3.25a1 1 0 0 0-1-1H3.25a1 1 0 0 0-1 1V9.5a1 1 0 0 0 1 1H5"/></>,
  key: <><circle cx="5" cy="11" r="2.75"/><path d="m7 9 6-6M11 5l1.75 1.75"/></>,
  lock: <><rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5 7V5a3 3 0 0 1 6 0v2"/></>,
  folder: <path d="M1.75 12.5v-9h4.5l1.5 2h6.5v7a1 1 0 0 1-1 1H2.75a1 1 0 0 1-1-1z"/>,
  lost: <path d="M2 2l12 12M5 6.5A5.5 5.5 0 0 1 8 5.6c1.3 0 2.5.45 3.5 1.2M2.5 5.4c.5-.5 1-.85 1.6-1.2M7 3c2.4-.25 4.8.55 6.5 2.4M6.3 9.7a3 3 0 0 1 2.6-.8M8 12.25h.01"/>,
  right: <path d="m6 3.5 4.5 4.5L6 12.5"/>,
  left: <path d="M10 3.5 5.5 8l4.5 4.5"/>,
  down: <path d="M3.5 6 8 10.5 12.5 6"/>,
  destination: <><path d="M3.5 3.25h9l1.75 5.5v3a1 1 0 0 1-1 1H2.75a1 1 0 0 1-1-1v-3z"/><path d="M1.75 8.75h12.5M11 10.75h.75"/></>,
  server: <><rect x="2" y="2.5" width="12" height="4.5" rx="1"/><rect x="2" y="9" width="12" height="4.5" rx="1"/><path d="M4.5 4.75h.01M4.5 11.25h.01M7 4.75h4.5M7 11.25h4.5"/></>,
  again: <path d="M13.5 6.5A5.75 5.75 0 0 0 3 5M2.5 9.5A5.75 5.75 0 0 0 13 11M13.75 3v3.5h-3.5M2.25 13V9.5h3.5"/>,
  file: <><path d="M4 1.75h5.5L13 5.25v9H4a1 1 0 0 1-1-1V2.75a1 1 0 0 1 1-1z"/><path d="M9.25 2v3.5H13"/></>,
  table: <><rect x="2" y="2.5" width="12" height="11" rx="1"/><path d="M2 6h12M2 9.75h12M6.5 6v7.5"/></>,
  archive: <><rect x="1.75" y="2.5" width="12.5" height="3.5" rx="1"/><path d="M3 6v6.5a1 1 0 0 0 1 1h8a1 1 0 0 0 1-1V6M6.25 8.75h3.5"/></>,
  more: <path d="M3.5 8h.01M8 8h.01M12.5 8h.01" strokeWidth="2.25"/>,
  terminal: <><rect x="1.75" y="2.5" width="12.5" height="11" rx="1.5"/><path d="m4.5 6 2 2-2 2M8.5 10.25h3"/></>,
  sort: <path d="M8 3v10M4 9l4 4 4-4"/>,
  download: <path d="M8 2.25v8M4.75 7.25 8 10.5l3.25-3.25M2.5 10.5v2a1 1 0 0 0 1 1h9a1 1 0 0 0 1-1v-2"/>,
  eye: <><path d="M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8z"/><circle cx="8" cy="8" r="2"/></>,
  machine: <><rect x="1.75" y="2.5" width="12.5" height="8.5" rx="1"/><path d="M5.5 13.75h5M8 11v2.75"/></>,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof drawings;

/** A drawing beside words that say the same; readers do not hear it. */
export function Icon({ name, size = 16, className = '' }: { name: IconName; size?: 12 | 14 | 16 | 20; className?: string }) {
  return (
    <svg className={`i s${size} ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      {drawings[name]}
    </svg>
  );
}
