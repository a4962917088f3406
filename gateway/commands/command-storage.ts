import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tellDecision } from '../../api/decision-words.ts'
import { viewLine } from '../../api/audit.ts'
import type { Stores } from '../../api/needs.ts'
import { findKeys } from '../../api/signing-keys.ts'
import { createTokens } from '../../api/tokens.ts'
import { hashPassword } from '../../accounts/credentials.ts'
import { createLogger } from '../../config/logger.ts'
import type { Settings } from '../../config/settings.ts'
import type { AccountType, Role } from '../../model/account.ts'
import type { AuditLine } from '../../model/audit.ts'
import { systemClock } from '../../model/clock.ts'
import { isId, type AccountId, type CallId } from '../../model/ids.ts'
import { formatMoney } from '../../model/money.ts'
import { isTimeZone } from '../../model/time-window.ts'
import { Book } from '../../storage/book.ts'
import { openDatabase } from '../../storage/database.ts'
import { attachToEmbedded, EmbeddedPostgres } from '../../storage/embedded-postgres.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { migrateDown, migrateUp, migrationStatus } from '../../storage/migrate.ts'
import { Postgres, type ConnectionOptions } from '../../storage/postgres.ts'
import { rebuildRollups, verifyRollups } from '../../storage/rollup-check.ts'
import { PostgresPrivacy } from '../../storage/privacy/privacy-store.ts'
import { resealAll, type Resealed, type Resealers } from '../../storage/privacy/reseal.ts'
import { PostgresRecordings } from '../../storage/recording-store.ts'
import { createStores } from '../../storage/stores.ts'
import { vaultOf } from '../start/vault.ts'
import { askForSip } from './call-sip.ts'
import { describeMedia } from './media-figures.ts'

type Print = (line: string) => void
type Log = ReturnType<typeof createLogger>['logger']

/** For commands that look at everything there is: a rebuild writes all calls' ids down in one statement. */
export const LONG_STATEMENT_MS = 3_600_000

interface CommandStorage {
  readonly stores: Stores
  readonly recordings: PostgresRecordings
  readonly operatorId: AccountId
  readonly log: Log
  close(): Promise<void>
}

/** A database for one command: a given one, the embedded one of a running exchange, or the embedded one started for this. */
export async function openCommandStorage(settings: Settings, statementMs?: number): Promise<CommandStorage> {
  const log = createLogger({ level: 'warn' })
  const attached = settings.database.url === null ? attachToEmbedded(settings.dataDir) : null
  if (attached) {
    const postgres = new Postgres(attached.connection, log.logger, statementMs)
    return {
      operatorId: OPERATOR_ACCOUNT_ID,
      stores: storesOf(postgres, log.logger, settings),
      recordings: new PostgresRecordings(postgres),
      log: log.logger,
      close: async () => {
        await postgres.close()
        attached.close()
        log.close()
      },
    }
  }
  const { url, connectTimeoutMs } = settings.database
  const database = await openDatabase(url, settings.dataDir, log.logger, connectTimeoutMs, statementMs)
  return {
    operatorId: OPERATOR_ACCOUNT_ID,
    stores: storesOf(database.postgres, log.logger, settings),
    recordings: new PostgresRecordings(database.postgres),
    log: log.logger,
    close: async () => {
      await database.close()
      log.close()
    },
  }
}

/** A line of the audit as the API prints it. */
export function printAuditLine(line: AuditLine): string {
  return JSON.stringify(viewLine(line))
}

function storesOf(postgres: Postgres, log: Log, settings: Settings): Stores {
  const vault = vaultOf(settings)
  const book = new Book(postgres, log, () => {}, vault) // A running exchange hears of writes itself.
  const clock = systemClock
  // What a running exchange has in files it brings to the database itself, at the latest when it starts again.
  const settleFiles = (): Promise<void> => Promise.resolve()
  const privacy = new PostgresPrivacy({ postgres, vault, days: settings.retention, clock, log, settleFiles })
  return createStores(postgres, book, clock, { vault, privacy })
}

/** `dce keys rotate`: seals all that is sealed by the keys of now. */
export async function resealCommand(settings: Settings, resealers: Resealers): Promise<readonly Resealed[]> {
  const log = createLogger({ level: 'warn' })
  let resealed: readonly Resealed[] = []
  try {
    await withConnection(settings, async (connection) => {
      const postgres = new Postgres(connection, log.logger, LONG_STATEMENT_MS)
      try {
        await migrateUp(connection)
        resealed = await resealAll(postgres, resealers)
      } finally {
        await postgres.close()
      }
    })
  } finally {
    log.close()
  }
  return resealed
}

/** `dce migrate`: changes or shows the schema of the database the settings name. */
export async function migrateCommand(
  direction: 'up' | 'down' | 'status',
  settings: Settings,
  print: Print,
): Promise<void> {
  await withConnection(settings, async (connection) => {
    if (direction === 'status') {
      for (const { id, name, appliedAt } of await migrationStatus(connection))
        print(`${String(id).padStart(4, '0')} ${name}: ${appliedAt ? `applied ${appliedAt.toISOString()}` : 'pending'}`)
      return
    }
    const warn = (why: string): void => print(`TimescaleDB is offered, but cannot be used: ${why}`)
    const names = await (direction === 'up' ? migrateUp(connection, warn) : migrateDown(connection))
    print(names.length === 0 ? 'nothing to do' : `${direction}: ${names.join(', ')}`)
  })
}

async function withConnection(
  settings: Settings,
  work: (connection: ConnectionOptions) => Promise<void>,
): Promise<void> {
  if (settings.database.url !== null) return work({ connectionString: settings.database.url })
  const attached = attachToEmbedded(settings.dataDir)
  if (attached) {
    try {
      return await work(attached.connection)
    } finally {
      attached.close()
    }
  }
  const log = createLogger({ level: 'warn' })
  const embedded = await EmbeddedPostgres.start(settings.dataDir, log.logger)
  try {
    await work(embedded.connection)
  } finally {
    await embedded.close()
    log.close()
  }
}

/** So many of the wrong hours and days are named. */
const MOST_NAMED = 20

/** `dce analytics verify|rebuild`: whether the sums that reports are made of are what a recount says; makes them anew. */
export async function analyticsCommand(
  verb: 'verify' | 'rebuild',
  settings: Settings,
  print: (line: string) => void,
): Promise<boolean> {
  const log = createLogger({ level: 'warn' })
  let isRight = true
  try {
    await withConnection(settings, async (connection) => {
      const postgres = new Postgres(connection, log.logger, LONG_STATEMENT_MS)
      try {
        await migrateUp(connection)
        if (verb === 'rebuild') print(`${await rebuildRollups(postgres)} calls and corrections rolled up`)
        const { hours, wrong } = await verifyRollups(postgres)
        for (const { grain, at, rows } of wrong.slice(0, MOST_NAMED))
          print(`${grain} sums of ${at.toISOString()}: ${rows} rows differ`)
        print(
          `${hours} hours with calls: ${wrong.length === 0 ? 'every sum is what a recount says' : `${wrong.length} ARE WRONG: dce analytics rebuild`}`,
        )
        isRight = wrong.length === 0
      } finally {
        await postgres.close()
      }
    })
  } finally {
    log.close()
  }
  return isRight
}

const ROLE_OF: Readonly<Record<string, Role>> = { buyer: 'buyer', seller: 'seller', operator: 'admin' }

/** `dce account create`: an account and, with an email and a password, its first user. Returns the account's id. */
export async function createAccount(flags: ReadonlyMap<string, string>, settings: Settings): Promise<string> {
  const type = flags.get('type') ?? ''
  const name = flags.get('name')
  const role = ROLE_OF[type]
  if (!role) throw new Error(`--type ${type || '(missing)'}: buyer, seller or operator`)
  if (!name) throw new Error('--name is missing')
  const email = flags.get('email') ?? null
  const password = flags.get('password')
  if (password !== undefined && email === null) throw new Error('--password needs --email')
  const currency = flags.get('currency') ?? 'USD'
  const timezone = flags.get('timezone') ?? 'America/New_York'
  // The same rules as POST /accounts: what is refused at one door is refused at the other.
  if (!/^[A-Z]{3}$/.test(currency)) throw new Error(`--currency ${currency}: three capital letters, such as USD`)
  if (!isTimeZone(timezone)) throw new Error(`--timezone ${timezone}: not an IANA time zone`)
  if (email !== null && !/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(email))
    throw new Error(`--email ${email}: not an email address`)
  if (password !== undefined && password.length < 8) throw new Error('--password: at least 8 characters')
  const storage = await openCommandStorage(settings)
  try {
    const account = await storage.stores.accounts.create({
      type: type as AccountType,
      name,
      email,
      status: 'active',
      currency,
      timezone,
      creditLimitMicros: 0n,
    })
    if (email !== null && password !== undefined)
      await storage.stores.users.create({
        accountId: account.id,
        email,
        role,
        passwordHash: await hashPassword(password),
      })
    return account.id
  } finally {
    await storage.close()
  }
}

/** Long enough to ask one question, and too short to be of use to anybody else. */
const COMMAND_TOKEN_S = 60

/** A token of the first administrator's, signed with the keys in the data folder; null without either. */
async function commandToken(settings: Settings, stores: Stores): Promise<string | null> {
  const keys = findKeys(join(settings.dataDir, 'keys'))
  const user = keys && (await stores.users.findByEmail(settings.admin.email))
  if (!keys || user?.role !== 'admin') return null
  return (await createTokens(keys, COMMAND_TOKEN_S, systemClock)).issue(user)
}

export interface ShowOptions {
  /** An access token or API key to ask the running exchange with; null: one is made from the keys in the data folder. */
  readonly token: string | null
  /** Where to write the call's SIP as a capture file. */
  readonly pcapFile: string | null
}

/**
 * `dce call show`: the call, each step of its decision, its auction and its legs, and its SIP as a ladder as long as the
 * running exchange still has it. Throws when a capture file is asked for and there is nothing to write.
 */
export async function showCall(id: string, settings: Settings, options: ShowOptions, print: Print): Promise<void> {
  if (!isId(id)) throw new Error(`${id}: not a call's id`)
  const storage = await openCommandStorage(settings)
  try {
    const call = await storage.stores.calls.find(id as CallId)
    if (!call) throw new Error(`${id}: no such call`)
    print(
      `call ${call.id}: ${call.outcome ?? call.state}, ${call.endReason ?? 'not ended'}, SIP ${call.sipStatus ?? '-'}`,
    )
    print(`  ${call.ani ?? 'anonymous'} → ${call.dnis}, received ${call.receivedAt.toISOString()}`)
    print(
      `  lasted ${call.durationMs} ms, billed ${call.billableMs} ms: price ${formatMoney(call.priceMicros)}, payout ${formatMoney(call.payoutMicros)} ${call.currency}`,
    )
    for (const { atMs, step, detail } of call.trace) print(`  ${atMs.toFixed(3).padStart(12)} ms  ${step}: ${detail}`)
    for (const check of call.checks)
      print(`  check ${check.check}: ${check.effect}, ${check.rule} (${check.source}) ${check.detail}`)
    const auction = await storage.stores.auctions.findByCall(call.id)
    for (const line of auction ? tellDecision(auction) : []) print(`  ${line}`)
    for (const leg of call.legs)
      print(
        `  ${leg.side} leg ${leg.uri}: ${leg.sipStatus ?? 'no answer'}${leg.media ? `, ${describeMedia(leg.media)}` : ''}`,
      )
    const { host, port } = settings.server
    const question = { host, port, token: options.token ?? (await commandToken(settings, storage.stores)) }
    const ladder = await askForSip(call.id, 'text', question)
    print('bytes' in ladder ? `\n${ladder.bytes.toString('utf8').trimEnd()}` : `  no SIP ladder: ${ladder.why}`)
    if (options.pcapFile === null) return
    const capture = await askForSip(call.id, 'pcap', question)
    if ('why' in capture) throw new Error(`--pcap: ${capture.why}`)
    await writeFile(options.pcapFile, capture.bytes)
    print(`${capture.bytes.length} bytes written to ${options.pcapFile}`)
  } finally {
    await storage.close()
  }
}
