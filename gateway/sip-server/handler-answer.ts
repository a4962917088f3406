import type { ProxyCommand } from './proxy-command.ts'
import { readDuration } from './proxy-command.ts'

/** An application to connect to. */
export interface ApplicationAddress {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
}

/** What a request handler wants done with a request. */
export type HandlerAnswer =
  | { readonly action: 'connect'; readonly address: ApplicationAddress }
  | { readonly action: 'tag'; readonly tag: string }
  | { readonly action: 'reject'; readonly status: number; readonly reason: string }
  | { readonly action: 'redirect'; readonly contacts: readonly string[] }
  | { readonly action: 'proxy'; readonly command: ProxyCommand }

/** Reads `{"action": …, "data": …}`; null when it is none. Both names of drachtio's manual and of its code are understood. */
export function readHandlerAnswer(text: string): HandlerAnswer | null {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return null
  }
  const data = field(answer, 'data')
  switch (field(answer, 'action')) {
    case 'route':
      return readRoute(data)
    case 'reject': {
      const status = Number(field(data, 'status'))
      const reason = field(data, 'reason')
      if (!Number.isInteger(status) || status < 300 || status > 699) return null
      return { action: 'reject', status, reason: typeof reason === 'string' ? oneLine(reason) : '' }
    }
    case 'redirect': {
      const contacts = strings(field(data, 'contact') ?? field(data, 'contacts'))
      return contacts.length === 0 ? null : { action: 'redirect', contacts }
    }
    case 'proxy':
      return readProxy(data)
    default:
      return null
  }
}

function readRoute(data: unknown): HandlerAnswer | null {
  const tag = field(data, 'tag')
  if (typeof tag === 'string' && tag !== '') return { action: 'tag', tag }
  const uri = field(data, 'uri') ?? field(data, 'url')
  const address = typeof uri === 'string' ? readAddress(uri) : null
  return address === null ? null : { action: 'connect', address }
}

/** `host:port`, with `;transport=tls`, or written as a URL; null when it is none of these. */
export function readAddress(text: string): ApplicationAddress | null {
  const match = /^(?:(tcp|tls):\/\/)?(\[[0-9A-Fa-f:.]+\]|[^\s:;/[\]]+):(\d{1,5})\/?(?:;transport=(tcp|tls))?$/i.exec(
    text,
  )
  if (match === null) return null
  const [, scheme = '', name = '', digits = '', transport = ''] = match
  const port = Number(digits)
  if (port < 1 || port > 65_535) return null
  const host = name.startsWith('[') ? name.slice(1, -1) : name
  return { host, port, isTls: (scheme || transport).toLowerCase() === 'tls' }
}

function readProxy(data: unknown): HandlerAnswer | null {
  const destinations = strings(field(data, 'destination')).map((each) =>
    /^(sips?|tel):/i.test(each) ? each : `sip:${each}`,
  )
  if (destinations.length === 0) return null
  const command: ProxyCommand = {
    transactionId: '',
    remainsInDialog: field(data, 'recordRoute') === true,
    wantsResponses: false,
    followsRedirects: field(data, 'followRedirects') === true,
    isParallel: field(data, 'simultaneous') === true,
    provisionalMs: readDuration(textOf(field(data, 'provisionalTimeout'))),
    finalMs: readDuration(textOf(field(data, 'finalTimeout'))),
    destinations,
  }
  return { action: 'proxy', command }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

function strings(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((each) => typeof each === 'string' && each !== '').map((each) => oneLine(String(each)))
}

/** What comes from outside becomes part of a message: it must not bring headers of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, ' ')
}
