import { resolve } from 'node:path'
import type { FundsStore, InvoiceIssuer } from '../accounts/needs.ts'
import type { HealthCheck, ScreenedCall, Stores } from '../api/needs.ts'
import type {
  ConversionRules,
  AccountUsage,
  FraudKeeper,
  MonitorStore,
  RecordingStore,
  RecordWriter,
  RecoveryStore,
  RegistrationStore,
  WebhookOutbox,
} from '../gateway/needs.ts'
import type { AuditStore } from '../compliance/needs.ts'
import type { Vault } from '../config/vault.ts'
import type { BookChange } from '../model/book.ts'
import type { Clock } from '../model/clock.ts'
import type { Outcome } from '../model/outcome.ts'
import type { AccountId } from '../model/ids.ts'
import { readAccountUsage } from './account-usage.ts'
import { openDatabase } from './database.ts'
import { DiskMonitor } from './disk-monitor.ts'
import { PostgresAudit } from './audit-store.ts'
import { Book } from './book.ts'
import type { Balance } from './book.ts'
import { BookListener } from './book-listener.ts'
import { lockDataDirectory } from './data-lock.ts'
import { createPublisher, type OutboxOptions, type OutboxPublisher } from './outbox-publisher.ts'
import { PostgresFunds } from './funds-store.ts'
import { PostgresInvoices } from './invoice-store.ts'
import { keepSweepingLiveBids } from './live-bids.ts'
import { PostgresMonitorings } from './monitor-store.ts'
import { OpenCallsVacuum } from './open-calls-vacuum.ts'
import { PostgresPrivacy } from './privacy/privacy-store.ts'
import { sealPlain } from './privacy/reseal.ts'
import { DEFAULT_RETENTION, type RetentionDays } from './privacy/retention-classes.ts'
import { PostgresRecovery } from './recovery-store.ts'
import { PostgresRecordings } from './recording-store.ts'
import { PostgresRegistrations } from './registration-store.ts'
import { Rollups } from './rollups.ts'
import { readLatestCalls } from './screening-store.ts'
import { Spool } from './spool.ts'
import type { StorageLog } from './storage-log.ts'
import { createStores } from './stores.ts'
import { readOutcomes } from './outcome-store.ts'
import { PostgresIntake } from './tracking-intake.ts'
import type { OpenConversion } from './tracking-store.ts'
import { readCampaignUsage } from './usage-store.ts'
import type { CampaignUsage } from './usage-store.ts'
import { GroupCommitWriter } from './writer.ts'
import type { WriterState } from './writer.ts'
import type { WebhookSubscriptions } from './webhook-rows.ts'
import type { Queries } from './postgres.ts'

/** Defaults of the optional limits. */
export const STORAGE_LIMITS = {
  /** The spool's size on the disk. */
  spoolBytes: 64 * 1024 * 1024,
  /** Of the file of reports that wait for the database. */
  trackingBytes: 8 * 1024 * 1024,
  /** With less than this free on the data folder's disk new calls are refused. */
  minFreeBytes: 64 * 1024 * 1024,
  /** How long a database that is down at the start is waited for, ms. */
  startTimeoutMs: 10_000,
  /** What waits to be published. */
  outbox: { kafka: null, maxEvents: 1_000_000, maxAgeMs: 604_800_000 },
  retention: DEFAULT_RETENTION,
} as const

export interface StorageOptions {
  /** Null: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  /** Names this gateway's open calls, across restarts. */
  readonly gatewayId: string
  readonly log: StorageLog
  readonly clock: Clock
  /** Each committed change after `book.load`, in order: of this process and of others. */
  readonly onBookChange: (change: BookChange) => void
  readonly spoolBytes?: number
  readonly trackingBytes?: number
  readonly minFreeBytes?: number
  readonly startTimeoutMs?: number
  readonly outbox?: OutboxOptions
  /** What sensitive columns and the archive are sealed with; null: nothing is sealed, and nothing archived. */
  readonly vault?: Vault | null
  /** Days by class of data. */
  readonly retention?: RetentionDays
  /** Who wants which events sent; absent: nobody. */
  readonly subscriptions?: WebhookSubscriptions
  /** Told of every group commit: seconds from sending it to its end, and its records. */
  readonly onCommit?: (seconds: number, records: number) => void
}

export interface StorageWriter extends RecordWriter {
  /** Resolves when everything written so far is durable. */
  drain(): Promise<void>
  close(): Promise<void>
  state(): WriterState
  /** Records not in Postgres yet. */
  pending(): number
}

export interface BookStore {
  /** Hands over everything stored; afterwards changes come through `onBookChange`. */
  load(apply: (change: BookChange) => void): Promise<void>
  /** Resolves when every change committed before the call was handed over. */
  catchUp(): Promise<void>
  readonly version: number | null
}

export interface Storage {
  readonly stores: Stores
  readonly writer: StorageWriter
  readonly book: BookStore
  readonly recovery: RecoveryStore
  readonly registrations: RegistrationStore
  readonly recordings: RecordingStore
  readonly monitorings: MonitorStore
  readonly outbox: Pick<OutboxPublisher, 'figures'>
  readonly invoices: InvoiceIssuer
  readonly audit: AuditStore
  readonly privacy: Pick<PostgresPrivacy, 'retention' | 'resume'>
  /** Where reports of what became of calls go; closed with the rest. Called once. */
  intake(rules: ConversionRules): PostgresIntake
  /** Events on their way to webhooks. */
  readonly deliveries: WebhookOutbox
  /** What this gateway's calls that are paid by conversion may still cost. */
  openConversions(): Promise<readonly OpenConversion[]>
  readonly funds: FundsStore
  readonly fraud: FraudKeeper
  readonly rollups: Pick<Rollups, 'rollUp'>
  /** Balances as of the book's load (as of now when it is not loaded): later ones come as `posting` changes or are the process's own calls. */
  balances(): Promise<readonly Balance[]>
  /** Calls awarded to campaigns since a moment, and their all-time totals: what caps and budgets are restored from. */
  campaignUsage(since: Date): Promise<CampaignUsage>
  /** What became of the calls since a moment, by steps of time: what rankings go by. */
  outcomes(since: Date, stepMs: number): Promise<readonly Outcome[]>
  /** The latest calls since a moment, newest first; `inbound`: those that consumers made too. */
  latestCalls(since: Date, inbound: boolean): AsyncIterable<ScreenedCall>
  /** What one account's counters are rebuilt from where gateways share them. */
  accountUsage(accountId: AccountId, since: Date, contactsSince: Date | null): Promise<AccountUsage>
  health(): Promise<HealthCheck>
  /** For tests and commands: plain SQL. */
  readonly queries: Queries
  /** The embedded server's process, for tests that kill it. */
  readonly embeddedPid: () => number | undefined
  /** Drains the writer, then closes everything; safe to call twice. */
  close(): Promise<void>
}

/**
 * Opens all of storage: takes the data folder, starts the embedded PostgreSQL if no other is given, migrates, and replays the spool that an
 * earlier process left, so that recovery sees every record. Throws DataDirectoryInUse, EmbeddedPostgresError, MigrationError, or
 * StoreUnavailable when the database stays away for `startTimeoutMs`.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const limits = { ...STORAGE_LIMITS, ...options }
  const dataDir = resolve(options.dataDir)
  const { log, clock } = options
  const opened: (() => void | Promise<void>)[] = []
  const closeAll = async (): Promise<void> => {
    for (let close = opened.pop(); close; close = opened.pop()) await close()
  }
  try {
    opened.push(lockDataDirectory(dataDir))
    const spool = await Spool.open(dataDir, limits.spoolBytes)
    opened.push(() => spool.close())
    const disk = await DiskMonitor.start(
      dataDir,
      limits.minFreeBytes,
      () => void (spool.usage.reserved || spool.reserve()),
    )
    opened.push(() => disk.close())

    const database = await openDatabase(options.databaseUrl, dataDir, log, limits.startTimeoutMs)
    opened.push(() => database.close())
    const { postgres } = database

    const outbox = createPublisher(postgres, limits.outbox, log)
    opened.push(() => outbox.close())
    const openCalls = new OpenCallsVacuum(postgres, log)
    opened.push(() => openCalls.close())
    const writer = new GroupCommitWriter({
      connection: postgres.options,
      gatewayId: options.gatewayId,
      spool,
      diskHasRoom: () => disk.hasRoom,
      log,
      ...(options.subscriptions && { subscriptions: options.subscriptions }),
      onCommit: (seconds, records, events) => {
        if (events > 0) outbox.written()
        openCalls.committed(records)
        options.onCommit?.(seconds, records)
      },
    })
    opened.push(() => writer.close())
    await writer.open()
    if (!spool.usage.reserved) await spool.reserve() // What was left in it is out now.

    opened.push(keepSweepingLiveBids(postgres, log))
    const rollups = new Rollups(postgres, log)
    opened.push(() => rollups.close())

    const vault = options.vault ?? null
    if (vault) await sealPlain(postgres, vault)
    const book = new Book(postgres, log, options.onBookChange, vault)
    const listener = new BookListener(postgres.options, book, log)
    opened.push(() => listener.close())
    await listener.open()

    const intakes: PostgresIntake[] = []
    const settleFiles = async (): Promise<void> => {
      await writer.drain()
      await spool.wipe()
      for (const intake of intakes) await intake.settle()
    }
    const privacy = new PostgresPrivacy({ postgres, vault, days: limits.retention, clock, log, settleFiles })
    const stores = createStores(postgres, book, clock, { vault, privacy })
    return {
      stores,
      writer,
      book: {
        async load(apply) {
          await book.load(apply)
          for await (const change of privacy.keptForBook()) apply(change)
        },
        catchUp: () => book.catchUp(),
        get version() {
          return book.version
        },
      },
      recovery: new PostgresRecovery(postgres, options.gatewayId),
      registrations: new PostgresRegistrations(postgres),
      recordings: new PostgresRecordings(postgres),
      monitorings: new PostgresMonitorings(postgres),
      outbox,
      invoices: new PostgresInvoices(postgres),
      audit: new PostgresAudit(postgres),
      privacy,
      intake(rules) {
        const { gatewayId } = options
        const intake = new PostgresIntake({
          dataDir,
          bytes: limits.trackingBytes,
          gatewayId,
          store: stores.tracking,
          rules,
          recordsPending: () => writer.pending(),
          log,
        })
        opened.push(() => intake.close())
        intakes.push(intake)
        return intake
      },
      deliveries: stores.deliveries,
      openConversions: () => stores.tracking.open(options.gatewayId),
      funds: new PostgresFunds(postgres),
      fraud: stores.fraud,
      rollups,
      balances: async () => (book.version === null ? book.readBalances(postgres) : book.balances),
      campaignUsage: (since) => readCampaignUsage(postgres, since),
      outcomes: (since, stepMs) => readOutcomes(postgres, since, stepMs),
      latestCalls: (since, inbound) => readLatestCalls(postgres, since, inbound),
      accountUsage: (id, since, contactsSince) => readAccountUsage(postgres, id, since, contactsSince),
      health: () => checkHealth(postgres, writer),
      queries: postgres,
      embeddedPid: () => database.embeddedPid(),
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function checkHealth(postgres: Queries, writer: GroupCommitWriter): Promise<HealthCheck> {
  const state = writer.state()
  const detail = `writer: ${state}, ${writer.pending()} records waiting`
  try {
    await postgres.rows('select 1')
    return { name: 'database', status: state === 'database' ? 'up' : 'degraded', detail }
  } catch (error) {
    return {
      name: 'database',
      status: state === 'full' ? 'down' : 'degraded',
      detail: `${detail}; ${(error as Error).message}`,
    }
  }
}
