import { isIP } from 'node:net'

/**
 * The kinds of value a setting can have. `read` takes what the file, the environment or a flag said and answers the
 * value, or undefined when it is not `allowed`. `Suffix` is the unit that the property's name ends with.
 */
export interface Kind<T, Suffix extends string = ''> {
  readonly allowed: string
  readonly suffix: Suffix
  read(raw: unknown): T | undefined
  /** How a person would write the value; JSON when absent. */
  write?(value: T): unknown
}

export const TEXT: Kind<string> = {
  allowed: 'a text',
  suffix: '',
  read: (raw) => (typeof raw === 'string' && raw.trim() !== '' && !hasControls(raw) ? raw.trim() : undefined),
}

export const FLAG: Kind<boolean> = {
  allowed: 'true or false',
  suffix: '',
  read: (raw) => {
    if (typeof raw === 'boolean') return raw
    const word = String(raw).toLowerCase()
    return word === 'true' ? true : word === 'false' ? false : undefined
  },
}

/** Texts separated by commas, or a YAML list of texts. */
export const LIST: Kind<readonly string[]> = {
  allowed: 'a list of texts (in the environment: separated by commas)',
  suffix: '',
  read: (raw) => {
    const parts = typeof raw === 'string' ? raw.split(',') : raw
    if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined
    return parts.map((part) => part.trim()).filter((part) => part !== '')
  },
}

/** STUN and TURN servers (RFC 7064 §3.1, RFC 7065 §3.1), separated by commas or as a YAML list. None is allowed. */
export const ICE_URLS: Kind<readonly string[]> = {
  allowed: 'a list of stun:, stuns:, turn: or turns: URLs (in the environment: separated by commas)',
  suffix: '',
  read: (raw) => {
    const parts = LIST.read(raw)
    const url = /^(?:stuns?:[\w.:[\]-]+|turns?:[\w.:[\]-]+(?:\?transport=(?:udp|tcp))?)$/
    return parts?.every((part) => url.test(part)) === true ? parts : undefined
  },
}

/** Where a page connects to: `wss://host`, with a port and a path if need be. */
export const WEBSOCKET_URL: Kind<string> = {
  allowed: 'a ws: or wss: URL, such as wss://calls.example:7443',
  suffix: '',
  read: (raw) =>
    typeof raw === 'string' && /^wss?:\/\/[\w.[\]:-]+(?:\/[\w./-]*)?$/.test(raw) && URL.canParse(raw) ? raw : undefined,
}

/** An https: URL that may stand in a SIP header: without quotes, semicolons, angle brackets or a password. */
export const HTTPS_URL: Kind<string> = {
  allowed: 'an https: URL of at most 200 characters, without quotes, semicolons, spaces, user or password',
  suffix: '',
  read: (raw) => {
    if (typeof raw !== 'string' || raw.length > 200 || !/^https:\/\/[^\s"'<>;\\]+$/.test(raw) || !URL.canParse(raw))
      return undefined
    const { username, password } = new URL(raw)
    return username === '' && password === '' ? raw : undefined
  },
}

export const EMAIL: Kind<string> = {
  allowed: 'an e-mail address',
  suffix: '',
  read: (raw) =>
    typeof raw === 'string' && /^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+$/.test(raw) ? raw : undefined,
}

/** Kept as it is written. */
export const E164: Kind<string> = {
  allowed: 'a telephone number, such as +18005550100',
  suffix: '',
  read: (raw) => (typeof raw === 'string' && /^\+[1-9]\d{6,14}$/.test(raw) ? raw : undefined),
}

/** A state or territory of the United States by its two letters. */
export const STATE: Kind<string> = {
  allowed: 'two letters of a state, such as TX',
  suffix: '',
  read: (raw) => {
    const letters = typeof raw === 'string' ? raw.trim().toUpperCase() : ''
    return /^[A-Z]{2}$/.test(letters) ? letters : undefined
  },
}

/** Names of codecs as a=rtpmap has them (RFC 8866 §6.6), each once, best first. None is allowed. */
export const CODECS: Kind<readonly string[]> = {
  allowed: 'a list of codec names (in the environment: separated by commas)',
  suffix: '',
  read: (raw) => {
    const names = LIST.read(raw)
    if (names?.every((name) => /^[\w.+-]{1,32}$/.test(name)) !== true) return undefined
    return new Set(names.map((name) => name.toLowerCase())).size === names.length ? names : undefined
  },
}

/** DNS servers: `192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`. None is allowed. */
export const SERVER_LIST: Kind<readonly string[]> = {
  allowed: 'a list of IP addresses, each with or without a port (in the environment: separated by commas)',
  suffix: '',
  read: (raw) => {
    const parts = LIST.read(raw)
    return parts?.every(isServer) === true ? parts : undefined
  },
}

function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true
  const [, six, four, port] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? []
  return isIP(six ?? four ?? '') === (six === undefined ? 4 : 6) && Number(port) >= 1 && Number(port) <= 65_535
}

/** Servers, `host:port` each, at least one; the port they have when none is said. */
export function endpoints(port: number): Kind<readonly string[]> {
  return {
    allowed: 'a list of host:port (in the environment: separated by commas)',
    suffix: '',
    read: (raw) => {
      const parts = LIST.read(raw)?.map((part) => (/:\d+$/.test(part) ? part : `${part}:${port}`))
      return parts && parts.length > 0 && parts.every(isEndpoint) ? parts : undefined
    },
  }
}

function isEndpoint(text: string): boolean {
  const [, port] = /^(?:[\w.-]{1,253}|\[[\da-fA-F:]+\]):(\d{1,5})$/.exec(text) ?? []
  return Number(port) >= 1 && Number(port) <= 65_535
}

/** A topic of Kafka's. */
export const TOPIC: Kind<string> = {
  allowed: 'a name of 1 to 249 letters, digits, dots, dashes and underscores',
  suffix: '',
  read: (raw) => (typeof raw === 'string' && /^(?!\.{1,2}$)[\w.-]{1,249}$/.test(raw) ? raw : undefined),
}

/** A server by IP address, and how much it gets beside the others. */
export interface WeightedServer {
  readonly host: string
  readonly port: number
  readonly weight: number
}

/** `192.0.2.1:22222` or `[2001:db8::1]:22222`, each with `*3` for a weight of 3; at least one, none twice. */
export const WEIGHTED_SERVERS: Kind<readonly WeightedServer[]> = {
  allowed:
    'IP addresses with ports, each with a weight or without: 192.0.2.1:22222*3, [2001:db8::1]:22222; 1 to 32, separated by commas',
  suffix: '',
  read: (raw) => {
    const servers = LIST.read(raw)?.map(readWeighted)
    if (servers === undefined || servers.length === 0 || servers.length > 32) return undefined
    const known = servers.filter((server) => server !== undefined)
    const places = new Set(known.map(({ host, port }) => `${host}:${port}`))
    return places.size === servers.length ? known : undefined
  },
  write: (servers) => servers.map(writeWeighted).join(', '),
}

function readWeighted(text: string): WeightedServer | undefined {
  const [, six, four, port, weight = '1'] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})(?:\*(\d{1,3}))?$/.exec(text) ?? []
  if (isIP(six ?? four ?? '') !== (six === undefined ? 4 : 6)) return undefined
  const server = { host: (six ?? four)!, port: Number(port), weight: Number(weight) }
  return server.port >= 1 && server.port <= 65_535 ? server : undefined
}

function writeWeighted({ host, port, weight }: WeightedServer): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}${weight === 1 ? '' : `*${weight}`}`
}

/** Final statuses of refusals, 400 to 699, separated by commas or as a YAML list. */
export const STATUS_LIST: Kind<readonly number[]> = {
  allowed: 'a list of SIP statuses from 400 to 699 (in the environment: separated by commas)',
  suffix: '',
  read: (raw) => {
    const parts: unknown = typeof raw === 'string' ? raw.split(',').filter((part) => part.trim() !== '') : raw
    if (!Array.isArray(parts)) return undefined
    const statuses = parts.map((part: unknown) =>
      readNumber(typeof part === 'string' ? part.trim() : part, /^\d{3}$/, 400, 699),
    )
    return statuses.every((status) => status !== undefined) ? statuses : undefined
  },
}

/** Some of these words, each once, separated by commas or a YAML list; the order says something. */
export function someOf<const T extends string>(...values: readonly T[]): Kind<readonly T[]> {
  return {
    allowed: `some of ${values.join(', ')}, separated by commas`,
    suffix: '',
    read: (raw) => {
      const words = LIST.read(raw)
      const known = words?.map((word) => values.find((value) => value.toLowerCase() === word.toLowerCase()))
      if (known === undefined || known.length === 0 || new Set(known).size !== known.length) return undefined
      return known.includes(undefined) ? undefined : (known as T[])
    },
    write: (words) => words.join(', '),
  }
}

/** A name that can stand as the host of a URI. */
export const HOST_NAME: Kind<string> = {
  allowed: 'a host name, such as calls.example',
  suffix: '',
  read: (raw) => {
    const isName = typeof raw === 'string' && /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/i.test(raw)
    return isName ? raw.toLowerCase() : undefined
  },
}

/** One or more IP addresses, separated by commas or as a YAML list. */
export const ADDRESSES: Kind<readonly string[]> = {
  allowed: 'IP addresses, separated by commas',
  suffix: '',
  read: (raw) => {
    const parts = LIST.read(raw)
    return parts !== undefined && parts.length > 0 && parts.every((part) => isIP(part) !== 0) ? parts : undefined
  },
  write: (addresses) => addresses.join(', '),
}

/** CIDR blocks, or single addresses. None is allowed. */
export const NETWORKS: Kind<readonly string[]> = {
  allowed: 'CIDR blocks such as 10.0.0.0/8, separated by commas',
  suffix: '',
  read: (raw) => {
    const parts = LIST.read(raw)
    return parts?.every(isNetwork) ? parts : undefined
  },
  write: (networks) => networks.join(', '),
}

function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

/** A whole number within [min, max]. */
export function whole(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    suffix: '',
    read: (raw) => readNumber(raw, /^-?\d{1,16}$/, min, max),
  }
}

/** A decimal number within [min, max]. */
export function decimal(min: number, max: number): Kind<number> {
  return {
    allowed: `a number from ${min} to ${max}`,
    suffix: '',
    read: (raw) => readNumber(raw, /^-?\d{1,16}(\.\d{1,9})?$/, min, max),
  }
}

export function oneOf<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    allowed: `one of ${values.join(', ')}`,
    suffix: '',
    read: (raw) => values.find((value) => value === raw),
  }
}

export const PORT: Kind<number> = {
  allowed: 'a port from 1 to 65535, or 0 for a free one',
  suffix: '',
  read: (raw) => readNumber(raw, /^\d{1,5}$/, 0, 65_535),
}

/** A port whose door can also stay closed. */
export const PORT_OR_OFF: Kind<number | 'off'> = {
  allowed: 'a port from 1 to 65535, 0 for a free one, or off',
  suffix: '',
  // `off` is text in YAML 1.2 and false in YAML 1.1, which people still write.
  read: (raw) => (raw === 'off' || raw === false ? 'off' : PORT.read(raw)),
}

/** Ports that are connected to. At least one. */
export const PORTS: Kind<readonly number[]> = {
  allowed: 'ports from 1 to 65535, separated by commas',
  suffix: '',
  read: (raw) => {
    const parts: unknown = typeof raw === 'string' ? raw.split(',').map((part) => part.trim()) : raw
    if (!Array.isArray(parts) || parts.length === 0) return undefined
    const ports = parts.map((part: unknown) => readNumber(part, /^\d{1,5}$/, 1, 65_535))
    return ports.every((port) => port !== undefined) ? ports : undefined
  },
  write: (ports) => ports.join(', '),
}

export interface PortRange {
  readonly first: number
  readonly last: number
}

/** RTP takes the even port of a pair and RTCP the odd one above it (RFC 3550 §11): the range holds whole pairs. */
export const PORT_RANGE: Kind<PortRange> = {
  allowed:
    'two ports such as 10000-20000, the first even and at least 1024, room for two pairs or more, or 0 for free ones',
  suffix: '',
  read: (raw) => {
    if (raw === 0 || raw === '0') return { first: 0, last: 0 }
    const match = /^\s*(\d{1,5})\s*-\s*(\d{1,5})\s*$/.exec(String(raw))
    if (!match) return undefined
    const first = Number(match[1])
    const last = Number(match[2])
    return first >= 1024 && last <= 65_535 && first % 2 === 0 && last - first >= 3 ? { first, last } : undefined
  },
  write: (range) => (range.last === 0 ? 0 : `${range.first}-${range.last}`),
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `5s`, `2h`, `1h30m`, `7d`: kept as milliseconds. A bare number is refused, since nobody knows its unit. */
export function duration(min: string, max: string): Kind<number, 'Ms'> {
  const minMs = readDuration(min)!
  const maxMs = readDuration(max)!
  return {
    allowed: `a duration from ${min} to ${max}, such as 500ms, 30s, 1h30m or 7d`,
    suffix: 'Ms',
    read: (raw) => {
      const ms = raw === 0 || raw === '0' ? 0 : typeof raw === 'string' ? readDuration(raw) : undefined
      return ms !== undefined && ms >= minMs && ms <= maxMs ? ms : undefined
    },
    write: writeDuration,
  }
}

function readDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(\d{1,9}(ms|s|m|h|d))+$/.test(text)) return undefined
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) total += Number(amount) * DURATION_UNITS[unit!]!
  return total
}

function writeDuration(ms: number): string {
  const unit =
    ms === 0
      ? 's'
      : (Object.keys(DURATION_UNITS).findLast((name) => Number.isInteger(ms / DURATION_UNITS[name]!)) ?? 'ms')
  return `${ms / DURATION_UNITS[unit]!}${unit}`
}

const BYTE_UNITS: Readonly<Record<string, number>> = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/** `64MB`, `512KB` or a bare number of bytes; the units are powers of 1024, as disks and memory are used here. */
export function bytes(min: string, max: string): Kind<number, 'Bytes'> {
  const least = readBytes(min)!
  const most = readBytes(max)!
  return {
    allowed: `a size from ${min} to ${max}, such as 512KB, 64MB or a number of bytes`,
    suffix: 'Bytes',
    read: (raw) => {
      const size = readBytes(String(raw))
      return size !== undefined && size >= least && size <= most ? size : undefined
    },
    write: (size) => {
      const unit =
        size === 0 ? 'B' : Object.keys(BYTE_UNITS).findLast((name) => Number.isInteger(size / BYTE_UNITS[name]!))!
      return unit === 'B' ? size : `${size / BYTE_UNITS[unit]!}${unit}`
    },
  }
}

function readBytes(text: string): number | undefined {
  const match = /^(\d{1,15})\s*(B|KB|MB|GB)?$/i.exec(text.trim())
  return match ? Number(match[1]) * BYTE_UNITS[(match[2] ?? 'B').toUpperCase()]! : undefined
}

/** Wall time of a day, `08:00` to `24:00`: kept as minutes since midnight. */
export const TIME_OF_DAY: Kind<number, 'Minute'> = {
  allowed: 'a time of day such as "08:00"',
  suffix: 'Minute',
  read: (raw) => {
    const match = /^(\d{2}):([0-5]\d)$/.exec(String(raw))
    const minute = match ? Number(match[1]) * 60 + Number(match[2]) : NaN
    return minute >= 0 && minute <= 1440 ? minute : undefined
  },
  write: (minute) => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`,
}

function readNumber(raw: unknown, form: RegExp, min: number, max: number): number | undefined {
  if (typeof raw !== 'number' && typeof raw !== 'string') return undefined
  if (!form.test(String(raw))) return undefined
  const value = Number(raw)
  return value >= min && value <= max ? value : undefined
}

function hasControls(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
