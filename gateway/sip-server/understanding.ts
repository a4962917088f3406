import type { SipMessage } from './message.ts'

/** What the applications of a server understand of SIP beyond its core. */
export interface Understood {
  /** Option tags a request may insist on with Require (RFC 3261 §19.2), in lower case. */
  readonly extensions: readonly string[]
  /** Types of body an INVITE may have, in lower case. */
  readonly bodies: readonly string[]
}

/** A refusal that a request gets before any application sees it. */
export interface Refused {
  readonly status: number
  readonly reason: string
  readonly headers: Record<string, string>
}

/** Whether a request asks for no more than is understood (RFC 3261 §8.2.2.3, §8.2.3). */
export class Understanding {
  readonly #extensions: ReadonlySet<string>
  readonly #bodies: ReadonlySet<string>

  constructor({ extensions, bodies }: Understood) {
    this.#extensions = new Set(extensions)
    this.#bodies = new Set(bodies)
  }

  /** Null when all is well. One pass over the headers, since every request is asked about. */
  refusalOf(request: SipMessage): Refused | null {
    let unsupported = ''
    let type = ''
    let isOptional = false
    let isEncoded = false
    for (const { key, value } of request.headers) {
      switch (key) {
        case 'require':
          if (value !== '' && !this.#extensions.has(value.toLowerCase()))
            unsupported += unsupported === '' ? value : `, ${value}`
          break
        case 'content-type':
          type = mediaTypeOf(value)
          break
        case 'content-disposition':
          isOptional = /;\s*handling\s*=\s*optional/i.test(value)
          break
        case 'content-encoding':
          isEncoded ||= value.toLowerCase() !== 'identity'
          break
        default:
      }
    }
    if (unsupported !== '') return refused(420, 'Bad Extension', { Unsupported: unsupported })
    if (request.body === '' || isOptional) return null
    if (isEncoded) return refused(415, 'Unsupported Media Type', { 'Accept-Encoding': 'identity' })
    if (request.method !== 'INVITE' || type === '' || this.#bodies.has(type)) return null
    return refused(415, 'Unsupported Media Type', { Accept: [...this.#bodies].join(', ') })
  }
}

function refused(status: number, reason: string, headers: Record<string, string>): Refused {
  return { status, reason, headers }
}

function mediaTypeOf(value: string): string {
  const semicolon = value.indexOf(';')
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
}
