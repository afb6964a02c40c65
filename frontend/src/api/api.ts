import type { components } from './schema';

type Schemas = components['schemas'];

export type Hello = Schemas['Hello'];
export type StatusReport = Schemas['StatusReport'];
export type Concern = Schemas['Concern'];
export type Text = Schemas['Text'];
export type ProblemBody = Schemas['Problem'];
export type Settings = Schemas['Settings'];
export type Databases = Schemas['Databases'];
export type DatabaseStatus = Schemas['DatabaseStatus'];
export type Found = Schemas['Found'];
export type Server = Schemas['Server'];
export type NewServer = Schemas['NewServer'];
export type ServerTest = Schemas['ServerTest'];
export type Destination = Schemas['Destination'];
export type NewDestination = Schemas['NewDestination'];
export type DestinationTest = Schemas['DestinationTest'];
export type DestinationCheck = Schemas['DestinationCheck'];
export type DestinationEdit = Schemas['DestinationEdit'];
export type DestinationUsage = Schemas['DestinationUsage'];
export type KeySlot = Schemas['KeySlot'];
export type NewKey = Schemas['NewKey'];
export type Unlock = Schemas['Unlock'];
export type Channel = Schemas['Channel'];
export type ChannelStatus = Schemas['ChannelStatus'];
export type ChannelTest = Schemas['ChannelTest'];
export type NewChannel = Schemas['NewChannel'];
export type ConfigFile = Schemas['ConfigFile'];
export type ConfigImport = Schemas['ConfigImport'];
export type ConfigImported = Schemas['ConfigImported'];
export type Doctor = Schemas['Doctor'];
export type DoctorCheck = Schemas['DoctorCheck'];
export type BackupTable = Schemas['BackupTable'];
export type BackupRows = Schemas['BackupRows'];
export type Job = Schemas['Job'];
export type Script = Schemas['Script'];
export type ClockChange = Schemas['ClockChange'];
export type JobPreview = Schemas['JobPreview'];
export type JobTemplate = Schemas['JobTemplate'];
export type RetentionEntry = Schemas['RetentionEntry'];
export type PrunePreview = Schemas['PrunePreview'];
export type Label = Schemas['Label'];
export type RecoveryKit = Schemas['RecoveryKit'];
export type RecoveryKitRequest = Schemas['RecoveryKitRequest'];
export type RecoveryState = Schemas['RecoveryState'];
export type KeyDrill = Schemas['KeyDrill'];
export type KeyDrilled = Schemas['KeyDrilled'];
export type Backup = Schemas['Backup'];
export type BackupRequest = Schemas['BackupRequest'];
export type BackupResult = Schemas['BackupResult'];
export type VerifyRequest = Schemas['VerifyRequest'];
export type VerifyResult = Schemas['VerifyResult'];
export type Check = Schemas['Check'];
export type RestoreRequest = Schemas['RestoreRequest'];
export type RestoreResult = Schemas['RestoreResult'];
export type PruneResult = Schemas['PruneResult'];
export type RestoreCheck = Schemas['RestoreCheck'];
export type RestoreCheckItem = Schemas['RestoreCheckItem'];
export type Run = Schemas['Run'];
export type ScriptResult = Schemas['ScriptResult'];
export type Runs = Schemas['Runs'];
export type Progress = Schemas['Progress'];
export type Event = Schemas['Event'];

/** Where in the stream of events a reader stands. */
export interface Position {
  seq: number;
  epoch: string;
}

/**
 * What comes in unasked. `resumed` says that the stream goes on after the position
 * that was asked. `retryAt` is when the connection is tried again, in
 * milliseconds of Date.now().
 */
export type Signal =
  | { kind: 'event'; event: Event }
  | { kind: 'link'; up: true; resumed: boolean }
  | { kind: 'link'; up: false; retryAt?: number; problem?: ProblemBody }
  | { kind: 'open'; route: string };

export interface Subscription {
  /** Tries a lost connection again at once. */
  retry(): void;
  close(): void;
}

/** Opens the stream of events. `position` is asked at every new connection, so that nothing is missed. */
export type Subscribe = (on: (signal: Signal) => void, position: () => Position | undefined) => Subscription;

export interface BackupQuery {
  database?: string;
  destination?: string;
  /** In server, database, job, note and tags, or the beginning of an ID. */
  search?: string;
  tag?: string;
  /** Only those that somebody pinned. */
  pinned?: boolean;
  limit?: number;
}

export interface RowsQuery {
  schema?: string;
  table: string;
  /** Number of the first row, from 0. */
  offset: number;
  limit: number;
}

/** Everything screens may ask of the agent. A call that fails throws a Problem. */
export interface Api {
  hello(): Promise<Hello>;
  status(): Promise<StatusReport>;
  settings(): Promise<Settings>;
  saveSettings(settings: Settings): Promise<Settings>;
  /** `refresh` has the servers asked anew, which may take seconds. */
  databases(refresh?: boolean): Promise<Databases>;
  servers(): Promise<Server[]>;
  addServer(server: NewServer): Promise<Server>;
  /** Changes how a server is reached; without a password the present one stays. */
  editServer(name: string, server: NewServer): Promise<Server>;
  testServer(name: string): Promise<ServerTest>;
  removeServer(name: string): Promise<void>;
  destinations(): Promise<Destination[]>;
  suggestDestination(): Promise<Destination>;
  addDestination(destination: NewDestination): Promise<Destination>;
  testDestination(name: string): Promise<DestinationTest>;
  /** What is stored there stays. */
  removeDestination(name: string): Promise<void>;
  /** How it is kept; what is not given stays. */
  editDestination(name: string, edit: DestinationEdit): Promise<Destination>;
  /** Everything stored there is listed, which takes a while at a large bucket. */
  destinationUsage(name: string): Promise<DestinationUsage>;
  /** Reads the piece that is due now. */
  reread(name: string): Promise<Runs>;
  keys(destination: string): Promise<KeySlot[]>;
  addKey(destination: string, key: NewKey): Promise<KeySlot[]>;
  removeKey(destination: string, id: string): Promise<void>;
  /** Gives this computer a new key and takes the old one away. */
  rotateKey(destination: string): Promise<KeySlot[]>;
  /** Gives this computer a key to a place that came with a configuration. */
  unlock(destination: string, key: Unlock): Promise<Destination>;
  channels(): Promise<ChannelStatus[]>;
  addChannel(channel: NewChannel): Promise<Channel>;
  /** Changes a channel; without a secret the present one stays. */
  editChannel(channel: NewChannel): Promise<Channel>;
  removeChannel(name: string): Promise<void>;
  testChannel(name: string): Promise<ChannelTest>;
  exportConfig(): Promise<ConfigFile>;
  /** The file is what was read, whatever it is: the agent judges it. */
  importConfig(wanted: Omit<ConfigImport, 'file'> & { file: unknown }): Promise<ConfigImported>;
  /** Examines the whole installation, within ten seconds. */
  doctor(): Promise<Doctor>;
  tables(backup: string): Promise<BackupTable[]>;
  rows(backup: string, query: RowsQuery): Promise<BackupRows>;
  /** Which places a recovery kit opens, as far as is known. */
  recovery(): Promise<RecoveryState[]>;
  /** Makes a key that is told this once. */
  makeKit(request: RecoveryKitRequest): Promise<RecoveryKit>;
  drillKey(drill: KeyDrill): Promise<KeyDrilled>;
  jobs(): Promise<Job[]>;
  addJob(job: Job): Promise<Job>;
  /** Changes a job, also its name. */
  editJob(name: string, job: Job): Promise<Job>;
  /** No backup is lost by it. */
  removeJob(name: string): Promise<void>;
  pauseJob(name: string): Promise<Job>;
  resumeJob(name: string): Promise<Job>;
  /** What a job would do from now on, whether it is there already or not. */
  previewJob(job: Job): Promise<JobPreview>;
  jobTemplates(): Promise<JobTemplate[]>;
  /** What becomes of every backup by the rules of all jobs now. */
  previewPrune(): Promise<PrunePreview>;
  /** Removes what no rule keeps at one place, and gives back the room of what nothing needs any more. */
  prune(destination: string): Promise<Runs>;
  startBackup(request: BackupRequest): Promise<Runs>;
  backups(query?: BackupQuery): Promise<Backup[]>;
  backup(id: string): Promise<Backup>;
  /** Replaces what a person wrote on a backup. */
  label(backup: string, label: Label): Promise<Backup>;
  verify(backup: string, level: VerifyRequest['level']): Promise<Runs>;
  checkRestore(backup: string, request: RestoreRequest): Promise<RestoreCheck>;
  restore(backup: string, request: RestoreRequest): Promise<Runs>;
  runs(limit?: number): Promise<Run[]>;
  run(id: string): Promise<Run>;
  /** The runs that failed for good and that nobody has retried or dismissed. */
  deadRuns(): Promise<Run[]>;
  cancelRun(id: string): Promise<Run>;
  /** Makes one run stand still. */
  pauseRun(id: string): Promise<Run>;
  resumeRun(id: string): Promise<Run>;
  /** Does a run once more; one that waits for another attempt begins at once. */
  retryRun(id: string): Promise<Runs>;
  dismissRun(id: string): Promise<Run>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  subscribe: Subscribe;
}
