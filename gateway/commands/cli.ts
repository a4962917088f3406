import { access } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger, type Log } from '../../config/logger.ts'
import { SettingsError } from '../../config/settings-error.ts'
import {
  effectiveSettings,
  isSettingKey,
  loadSettings,
  type SettingSources,
  type Settings,
} from '../../config/settings.ts'
import { goFirst, NICE } from '../../model/thread-priority.ts'
import { tuneCollector } from '../start/collector.ts'
import { tuneCompiler } from '../start/compiler.ts'
import { LONG_STATEMENT_MS, openCommandStorage } from './command-storage.ts'
import type { Question } from './replay.ts'

/** A command that went wrong in a way its user can mend: printed as one line, without a stack. */
class CommandError extends Error {
  override readonly name = 'CommandError'
}

interface Arguments {
  readonly words: readonly string[]
  readonly flags: ReadonlyMap<string, string>
}

/** Asked to stop while it starts, it finishes that first, so as to end properly; a start that hangs is given up. */
const START_PATIENCE_MS = 3000

type Command = (args: Arguments) => Promise<void>

const COMMANDS: Readonly<Record<string, { readonly run: Command; readonly help: string }>> = {
  start: { run: start, help: 'start                     run the exchange until SIGTERM' },
  'sip-server': {
    run: sipServer,
    help: 'sip-server                run only the SIP server, for applications of its control port',
  },
  demo: { run: demo, help: 'demo [--once]             run the exchange with sample accounts and place sample calls' },
  load: { run: load, help: 'load --cps N --seconds N  drive an exchange with SIPp ([--media] [--html FILE])' },
  migrate: { run: migrate, help: 'migrate up|down|status    change or show the database schema' },
  config: { run: config, help: 'config                    print every setting in force, secrets masked' },
  account: { run: account, help: 'account create --type T --name N [--email E --password P]' },
  dnc: {
    run: dnc,
    help: 'dnc import FILE           take a file of numbers into a list ([--list NAME --mode M --version-date D --kind K])',
  },
  call: {
    run: call,
    help: 'call show ID              the decision on a call, step by step, and its SIP ([--pcap FILE] [--token T])',
  },
  ledger: {
    run: ledger,
    help: 'ledger verify             check that all of it balances, and is what calls, payouts and deposits say',
  },
  analytics: {
    run: analytics,
    help: 'analytics verify          check that reports say what a recount of the calls says; analytics rebuild sums anew',
  },
  recording: {
    run: recording,
    help: 'recording list            the recordings there are; recording decrypt FILE OUT.wav opens one',
  },
  audit: {
    run: audit,
    help: 'audit show CALL [--html]  every check of one call on a page; audit verify [--heads FILE] checks the chain; audit export [--from TIME --until TIME] prints its lines',
  },
  keys: {
    run: encryptionKeys,
    help: 'keys rotate               seal what is encrypted in the database with the first key; without keys in the settings a new one is made',
  },
  fraud: {
    run: fraud,
    help: 'fraud simulate FOLDER|evaluate   make what the fraud model is trained on; measure it ([--model-alone] [--scenarios N] [--clean N] [--docs FOLDER])',
  },
  privacy: {
    run: privacy,
    help: 'privacy export|erase NUMBER | retention | verify | archived CALL_ID   what is known of a number; forget it (--reason TEXT)',
  },
  replay: {
    run: replay,
    help: 'replay CALL_ID            hold a call’s auction again ([--bids FILE] [--rules FILE | --set K=V,…] [--json])',
  },
  backtest: {
    run: backtest,
    help: 'backtest --from --to      hold the auctions of a period again ([--bids FILE] [--rules FILE | --set K=V,…] [--json])',
  },
  doctor: { run: doctor, help: 'doctor                    check that this machine has what the exchange needs' },
}

/** Runs one `dce` command. Sets the exit code; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whoever read our output has gone (`dce config | head`): nobody is left to tell.
  process.stdout.on('error', () => process.exit(0))
  const [name = '', ...rest] = argv
  const command = COMMANDS[name]
  if (!command) {
    const known = name === '' || name === 'help' || name === '--help'
    say(`${known ? '' : `dce ${name}: no such command\n\n`}dce COMMAND\n`, !known)
    for (const { help } of Object.values(COMMANDS)) say(`  ${help}`, !known)
    process.exitCode = known ? 0 : 2
    return
  }
  try {
    await command.run(readArguments(rest))
  } catch (error) {
    // A setting, a port, a database: whoever started us can mend it and needs the sentence, not the stack.
    say(`dce ${name}: ${error instanceof Error ? error.message : String(error)}`, true)
    if (
      error instanceof Error &&
      !(error instanceof CommandError) &&
      !(error instanceof SettingsError) &&
      process.env['DEBUG']
    )
      say(error.stack ?? '', true)
    process.exit(1)
  }
}

function readArguments(words: readonly string[]): Arguments {
  const flags = new Map<string, string>()
  const plain: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!
    if (!word.startsWith('--')) {
      plain.push(word)
      continue
    }
    const equals = word.indexOf('=')
    const next = words[i + 1]
    if (equals !== -1) flags.set(word.slice(2, equals), word.slice(equals + 1))
    else if (next !== undefined && !next.startsWith('--')) {
      flags.set(word.slice(2), next)
      i++
    } else flags.set(word.slice(2), 'true')
  }
  return { words: plain, flags }
}

/** Settings from the file, the environment and the flags; flags that are neither a setting nor `known` are refused. */
function settingsOf(
  args: Arguments,
  known: readonly string[] = [],
  defaults: SettingSources['defaults'] = {},
): Settings {
  const flags: Record<string, string> = {}
  for (const [key, value] of args.flags) {
    if (key === 'config' || known.includes(key)) continue
    if (!isSettingKey(key)) throw new CommandError(`--${key}: no such flag or setting`)
    flags[key] = value
  }
  const file = args.flags.get('config')
  return loadSettings({ ...(file !== undefined && { file }), env: process.env, flags, defaults })
}

async function start(args: Arguments): Promise<void> {
  const roles = args.flags.get('roles')
  if (roles !== undefined && roles !== 'gateway,api,worker')
    throw new CommandError(`--roles ${roles}: not available; this version runs all roles in one process`)
  const settings = settingsOf(args, ['roles'])
  tuneV8()
  const log = createLogger({ level: settings.logLevel })
  await letCallsGoFirst(settings, log)
  const { startExchange } = await import('../main.ts')
  const starting = startExchange({ settings, log, onFatal: () => process.exit(1) })
  // From here on there is a database to be stopped: a signal's default would leave it running.
  stopOnSignals(async () => {
    const running = await Promise.race([starting, sleep(START_PATIENCE_MS, null, { ref: false })])
    if (!running) process.exit(1)
    await running.stop()
  }, log)
  await starting
}

async function sipServer(args: Arguments): Promise<void> {
  const settings = settingsOf(args)
  tuneV8()
  const log = createLogger({ level: settings.logLevel })
  await letCallsGoFirst(settings, log)
  const { startSipServerAlone } = await import('./sip-server-command.ts')
  const running = await startSipServerAlone(settings, log, () => process.exit(1))
  stopOnSignals(() => running.stop(), log)
  log.flush()
}

/** V8, as the whole process has it. Before any thread of ours is started. */
function tuneV8(): void {
  tuneCollector()
  tuneCompiler()
}

/** Before any thread of ours is started, so that each gets what it is to have. */
async function letCallsGoFirst({ server }: Settings, { logger }: Log): Promise<void> {
  if (!server.callsFirst) return
  // Node's own threads, for files, names and passwords, come with the first of their work: they stay as they are.
  await access('.').catch(() => {})
  if (goFirst()) logger.info({ nice: NICE }, 'the threads that carry calls go before others')
  else logger.info({}, `the system lets no thread go before others: an RLIMIT_NICE of ${20 - NICE.signalling} would do`)
}

/** SIGTERM and SIGINT drain; a second one stops at once. */
function stopOnSignals(stop: () => Promise<void>, log: Log): void {
  let asked = false
  const onSignal = (): void => {
    if (asked) process.exit(1)
    asked = true
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.logger.fatal({ error }, 'the drain failed')
        log.flush()
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

async function demo(args: Arguments): Promise<void> {
  tuneV8()
  const { runDemo } = await import('../../sipp/demo/demo.ts')
  await runDemo({
    once: args.flags.get('once') === 'true',
    settings: (defaults) => settingsOf(args, ['once'], defaults),
    print: (line) => say(line),
    stopOnSignals,
  })
}

async function load(args: Arguments): Promise<void> {
  const { loadCommand } = await import('../../sipp/load/command.ts')
  process.exitCode = await loadCommand(args.flags, (line) => say(line))
}

async function migrate(args: Arguments): Promise<void> {
  const [direction = 'status'] = args.words
  if (!['up', 'down', 'status'].includes(direction)) throw new CommandError(`migrate ${direction}: up, down or status`)
  const { migrateCommand } = await import('./command-storage.ts')
  await migrateCommand(direction as 'up' | 'down' | 'status', settingsOf(args), (line) => say(line))
}

async function config(args: Arguments): Promise<void> {
  for (const [key, { value, source }] of Object.entries(effectiveSettings(settingsOf(args))))
    say(`${key} = ${value === null ? '(unset)' : JSON.stringify(value)}  # ${source}`)
  return Promise.resolve()
}

async function account(args: Arguments): Promise<void> {
  if (args.words[0] !== 'create') throw new CommandError('account create is the only form')
  const { createAccount } = await import('./command-storage.ts')
  const keys = ['type', 'name', 'email', 'password', 'currency', 'timezone']
  const id = await createAccount(args.flags, settingsOf(args, keys))
  say(id)
}

async function dnc(args: Arguments): Promise<void> {
  const [verb, file] = args.words
  if (verb !== 'import' || !file) throw new CommandError('dnc import FILE is the only form')
  const { DNC_FLAGS, importDncFile } = await import('./dnc-command.ts')
  await importDncFile(file, args.flags, settingsOf(args, DNC_FLAGS), (line) => say(line))
}

async function call(args: Arguments): Promise<void> {
  const [verb, id] = args.words
  if (verb !== 'show' || !id) throw new CommandError('call show ID is the only form')
  const { showCall } = await import('./command-storage.ts')
  const options = { token: args.flags.get('token') ?? null, pcapFile: args.flags.get('pcap') ?? null }
  await showCall(id, settingsOf(args, ['token', 'pcap']), options, (line) => say(line))
}

async function ledger(args: Arguments): Promise<void> {
  if (args.words[0] !== 'verify') throw new CommandError('ledger verify is the only form')
  const storage = await openCommandStorage(settingsOf(args), LONG_STATEMENT_MS)
  try {
    const { postings, totals, unbalanced, duplicateCalls, faults, openHolds } = await storage.stores.ledger.verify()
    say(`${postings} postings`)
    for (const { currency, sumMicros } of totals) say(`${currency}: all entries sum to ${sumMicros} micros`)
    if (openHolds.since) say(`funds are held for ${openHolds.calls} calls, since ${openHolds.since.toISOString()}`)
    const wrong =
      unbalanced.length +
      duplicateCalls.length +
      faults.length +
      totals.filter(({ sumMicros }) => sumMicros !== 0n).length
    for (const id of unbalanced) say(`unbalanced posting ${id}`)
    for (const id of duplicateCalls) say(`call billed twice ${id}`)
    for (const fault of faults) say(fault)
    say(wrong === 0 ? 'the ledger balances' : 'THE LEDGER DOES NOT BALANCE')
    process.exitCode = wrong === 0 ? 0 : 1
  } finally {
    await storage.close()
  }
}

async function fraud(args: Arguments): Promise<void> {
  const { evaluateCommand, simulateCommand } = await import('./fraud-command.ts')
  const [what, folder] = args.words
  if (what === 'simulate' && folder !== undefined) return simulateCommand(folder, say)
  if (what !== 'evaluate') throw new CommandError('fraud simulate FOLDER and fraud evaluate are the forms')
  const count = (flag: string, otherwise: number) => {
    const value = Number(args.flags.get(flag) ?? otherwise)
    if (!Number.isSafeInteger(value) || value < 1) throw new CommandError(`--${flag} is a number from 1 on`)
    return value
  }
  const docs = args.flags.get('docs') ?? null
  const isModelAlone = args.flags.has('model-alone')
  evaluateCommand({ scenarios: count('scenarios', 10), cleanCalls: count('clean', 100_000), isModelAlone, docs }, say)
}

async function audit(args: Arguments): Promise<void> {
  const [verb, id] = args.words
  const { exportAudit, showAudit, verifyAuditCommand } = await import('./audit-command.ts')
  const settings = settingsOf(args, ['from', 'until', 'heads', 'html'])
  if (verb === 'verify')
    process.exitCode = (await verifyAuditCommand(settings, args.flags.get('heads') ?? null, (line) => say(line)))
      ? 0
      : 1
  else if (verb === 'export')
    await exportAudit(settings, args.flags.get('from') ?? null, args.flags.get('until') ?? null, (line) => say(line))
  else if (verb === 'show' && id) await showAudit(settings, id, args.flags.get('html') === 'true', (line) => say(line))
  else throw new CommandError('audit show CALL, audit verify and audit export are the forms')
}

async function encryptionKeys(args: Arguments): Promise<void> {
  if (args.words[0] !== 'rotate') throw new CommandError('keys rotate is the only form')
  const { rotateKeys } = await import('./keys-command.ts')
  process.exitCode = (await rotateKeys(settingsOf(args), (line) => say(line))) ? 0 : 1
}

async function privacy(args: Arguments): Promise<void> {
  const { privacyCommand } = await import('./privacy-command.ts')
  const settings = settingsOf(args, ['reason'])
  const isWell = await privacyCommand(args.words, args.flags.get('reason') ?? null, settings, (line) => say(line))
  process.exitCode = isWell ? 0 : 1
}

async function analytics(args: Arguments): Promise<void> {
  const [verb] = args.words
  if (verb !== 'verify' && verb !== 'rebuild')
    throw new CommandError('analytics verify and analytics rebuild are the forms')
  const { analyticsCommand } = await import('./command-storage.ts')
  process.exitCode = (await analyticsCommand(verb, settingsOf(args), (line) => say(line))) ? 0 : 1
}

async function replay(args: Arguments): Promise<void> {
  const [id] = args.words
  if (!id) throw new CommandError('replay CALL_ID is the only form')
  const { replayCall } = await import('./replay.ts')
  const isSame = await replayCall(id, questionOf(args), settingsOf(args, QUESTION), (line) => say(line))
  process.exitCode = isSame ? 0 : 1
}

async function backtest(args: Arguments): Promise<void> {
  if (args.words.length > 0) throw new CommandError(`backtest ${args.words[0]}: a period is wanted, --from and --to`)
  const { backtestPeriod, readPeriod } = await import('./backtest.ts')
  const period = readPeriod(args.flags.get('from'), args.flags.get('to'))
  const settings = settingsOf(args, [...QUESTION, 'from', 'to'])
  process.exitCode = (await backtestPeriod(period, questionOf(args), settings, (line) => say(line))) ? 0 : 1
}

const QUESTION = ['bids', 'rules', 'set', 'json']

function questionOf({ flags }: Arguments): Question {
  return {
    bidsFile: flags.get('bids') ?? null,
    rulesFile: flags.get('rules') ?? null,
    rules: flags.get('set') ?? null,
    asJson: flags.get('json') === 'true',
  }
}

async function recording(args: Arguments): Promise<void> {
  const [verb, file, out] = args.words
  const { decryptRecording, listRecordings } = await import('./recording-command.ts')
  if (verb === 'list' && !file) await listRecordings(settingsOf(args), (line) => say(line))
  else if (verb === 'decrypt' && file && out) await decryptRecording(file, out, settingsOf(args), (line) => say(line))
  else throw new CommandError('recording list and recording decrypt FILE OUT.wav are the forms')
}

async function doctor(args: Arguments): Promise<void> {
  const { examine } = await import('./doctor.ts')
  process.exitCode = (await examine(settingsOf(args), (line) => say(line))) ? 0 : 1
}

function say(line: string, toStderr = false): void {
  const stream = toStderr ? process.stderr : process.stdout
  stream.write(`${line}\n`)
}
