/** What one load run is asked to do. */
export interface LoadOptions {
  /** New calls a second, once ramped up. */
  readonly cps: number
  /** How long that rate is kept up. */
  readonly seconds: number
  /** How long the climb to it takes before, s. */
  readonly rampSeconds: number
  /** How long each call lasts after its answer, in ms. */
  readonly talkMs: number
  /** Two-way G.711 on every call, by our own RTP agents. */
  readonly media: boolean
  /** Where to write the report as a page. */
  readonly html: string | null
  /** An exchange that is running already; null: one is started for the purpose. */
  readonly target: RunningTarget | null
}

export interface RunningTarget {
  readonly sip: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  readonly email: string
  readonly password: string
}

/** A flag that is unknown or has a bad value; the message is for the person who typed it. */
export class LoadUsage extends Error {
  override readonly name = 'LoadUsage'
}

export const USAGE = `npm run load -- [--cps N] [--seconds N] [--ramp N] [--talk-ms N] [--media] [--html FILE]
                  [--target SIP_HOST:PORT --api HTTP_HOST:PORT --email E --password P]
  --cps        new calls a second, after a ramp (default 50, at most 5000; with --media 10)
  --seconds    how long that rate is kept up (default 20, at most 3600)
  --ramp       how long the climb to it takes, in four steps of whole seconds (default 4, at most 600); not measured
  --talk-ms    how long each call lasts (default 100; with --media 10000)
  --media      two-way G.711 on every call: loss, jitter, latency and MOS are measured
  --html       also write the report as a page
  --target     an exchange on this machine that is running already; without it, one is started and removed again`

const KNOWN = new Set([
  'cps',
  'seconds',
  'ramp',
  'talk-ms',
  'media',
  'html',
  'target',
  'api',
  'email',
  'password',
  'help',
])
const MAX_CPS = 5000
const MAX_SECONDS = 3600
const DEFAULT_RAMP_SECONDS = 4
const MAX_RAMP_SECONDS = 600
const MAX_TALK_MS = 600_000

/** Reads the flags. Throws LoadUsage. */
export function readLoadOptions(flags: ReadonlyMap<string, string>): LoadOptions {
  for (const flag of flags.keys()) if (!KNOWN.has(flag)) throw new LoadUsage(`--${flag}: no such flag\n${USAGE}`)
  const media = flags.get('media') === 'true'
  return {
    cps: whole(flags, 'cps', media ? 10 : 50, MAX_CPS),
    seconds: whole(flags, 'seconds', 20, MAX_SECONDS),
    rampSeconds: whole(flags, 'ramp', DEFAULT_RAMP_SECONDS, MAX_RAMP_SECONDS),
    talkMs: whole(flags, 'talk-ms', media ? 10_000 : 100, MAX_TALK_MS),
    media,
    html: flags.get('html') ?? null,
    target: readTarget(flags),
  }
}

function whole(flags: ReadonlyMap<string, string>, name: string, otherwise: number, most: number): number {
  const text = flags.get(name)
  if (text === undefined) return otherwise
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > most) throw new LoadUsage(`--${name} ${text}: must be a whole number from 1 to ${most}`)
  return value
}

function readTarget(flags: ReadonlyMap<string, string>): RunningTarget | null {
  const sip = flags.get('target')
  if (sip === undefined) return null
  const email = flags.get('email') ?? process.env['DCE_ADMIN_EMAIL'] ?? 'admin@localhost'
  const password = flags.get('password') ?? process.env['DCE_ADMIN_PASSWORD']
  if (password === undefined)
    throw new LoadUsage('--target needs --password (or DCE_ADMIN_PASSWORD) of an administrator')
  return { sip: hostPort('target', sip), http: hostPort('api', flags.get('api') ?? '127.0.0.1:8080'), email, password }
}

function hostPort(flag: string, text: string): { host: string; port: number } {
  const match = /^([A-Za-z0-9.-]+):(\d{1,5})$/.exec(text)
  const port = Number(match?.[2])
  if (!match || port < 1 || port > 65_535) throw new LoadUsage(`--${flag} ${text}: must be host:port`)
  return { host: match[1]!, port }
}
