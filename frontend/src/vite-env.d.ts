/// <reference types="vite/client" />

/** Whether `?fake=` may choose the agent in memory; false in what is shipped. */
declare const __FAKE_API__: boolean;
