/** More parts than this in one body are not read. */
export const MAX_BODY_PARTS = 16
/** More of headers than this in one part, neither. */
const MAX_PART_HEAD = 4096

/** One part of a body of several (RFC 2046 §5.1, RFC 5621). */
export interface BodyPart {
  /** Media type in lower case, without parameters. */
  readonly type: string
  /** Whether the part says that whoever does not understand it must refuse the whole (RFC 3261 §20.11). */
  readonly isRequired: boolean
  /** Whether the content stands there as it is: no transfer encoding (RFC 2045 §6). */
  readonly isPlain: boolean
  readonly content: string
}

/** The parts of a multipart body in their order; else what is wrong with it, as a reason phrase. */
export function partsOf(contentType: string, body: string): readonly BodyPart[] | string {
  const named = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType)
  const boundary = named?.[1] ?? named?.[2]
  if (boundary === undefined) return 'Missing multipart boundary'
  const mark = `\r\n--${boundary}`
  // What stands before the first delimiter is nobody's.
  let at = body.startsWith(mark.slice(2)) ? -2 : body.indexOf(mark)
  const parts: BodyPart[] = []
  while (at !== -1) {
    const after = at + mark.length
    if (body.startsWith('--', after)) return parts.length > 0 ? parts : MALFORMED
    const start = body.indexOf('\r\n', after)
    const next = start === -1 ? -1 : body.indexOf(mark, start)
    if (next === -1 || body.slice(after, start).trim() !== '') return MALFORMED
    if (parts.length === MAX_BODY_PARTS) return 'Too many body parts'
    const part = readPart(body.slice(start, next))
    if (part === null) return MALFORMED
    parts.push(part)
    at = next
  }
  return MALFORMED
}

const MALFORMED = 'Malformed multipart body'

/** `text` begins with the line end of its delimiter. */
function readPart(text: string): BodyPart | null {
  const blank = text.indexOf('\r\n\r\n')
  if (blank === -1 || blank > MAX_PART_HEAD) return null
  let type = 'text/plain'
  let isRequired = false
  let isPlain = true
  const head = text.slice(2, blank).replace(/\r\n[ \t]+/g, ' ')
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const value = line.slice(colon + 1).trim()
    switch (line.slice(0, Math.max(0, colon)).trim().toLowerCase()) {
      case 'content-type':
        type = mediaTypeOf(value)
        break
      case 'content-disposition':
        isRequired = /;\s*handling\s*=\s*required/i.test(value)
        break
      case 'content-transfer-encoding':
        isPlain = /^(?:7bit|8bit|binary)$/i.test(value)
        break
      default:
    }
  }
  return { type, isRequired, isPlain, content: text.slice(blank + 4) }
}

/** The media type of a Content-Type in lower case, without its parameters. */
export function mediaTypeOf(value: string): string {
  const semicolon = value.indexOf(';')
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
}
