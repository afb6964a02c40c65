import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';

// A busy machine needs more than the second that is usual.
configure({ asyncUtilTimeout: 8_000 });
process.env.TZ = 'UTC';
afterEach(() => {
  cleanup();
  localStorage.clear();
});

// What jsdom lacks and the widgets ask for.
const nothing = () => undefined;
window.matchMedia = (media) => ({ matches: false, media, onchange: null, addEventListener: nothing, removeEventListener: nothing, addListener: nothing, removeListener: nothing, dispatchEvent: () => false });
globalThis.ResizeObserver = class {
  observe = nothing;
  unobserve = nothing;
  disconnect = nothing;
};
Element.prototype.scrollIntoView = nothing;
Element.prototype.scrollTo = nothing;
window.scrollTo = nothing;
