/** A value that must not be written to FreeSWITCH. */
export class UnsafeText extends Error {
  override readonly name = 'UnsafeText'
}

/** Far more than any command of ours; a description travels by SIP and not by the event socket. */
const TEXT_LIMIT_CHARS = 2048

/**
 * The one place that decides what may be part of an event-socket command. A line break would begin a second command or header, and
 * FreeSWITCH expands `${…}` and `$${…}` in arguments, functions that run programs (`${system …}`) among them. Such a value is refused
 * and never mended: whoever sent it meant something by it. Throws UnsafeText, naming what it is and not what it says.
 */
export function safeText(what: string, value: string): string {
  if (value.length > TEXT_LIMIT_CHARS) throw new UnsafeText(`${what} is longer than ${TEXT_LIMIT_CHARS} characters`)
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at)
    if (code < 0x20 || code === 0x7f) throw new UnsafeText(`${what} contains a line break or another control character`)
  }
  if (expands(value)) throw new UnsafeText(`${what} contains a variable that FreeSWITCH would expand`)
  return value
}

/** One argument among several: commands are split at spaces. */
export function safeWord(what: string, value: string): string {
  if (value === '' || /\s/.test(value)) throw new UnsafeText(`${what} is empty or contains a space`)
  return safeText(what, value)
}

/** The name of a file in a folder of FreeSWITCH's: no path, so that nobody reads or writes elsewhere. */
export function safeFileName(what: string, name: string): string {
  if (!/^[a-z0-9][a-z0-9_.-]{0,127}$/i.test(name) || name.includes('..'))
    throw new UnsafeText(`${what} may have letters, digits, and . _ - within it, and no more than 128 of them`)
  return name
}

/** FreeSWITCH keeps a description in channel variables: one that brings an expansion is nobody's honest offer. */
export function expands(value: string): boolean {
  return /\$[${]/.test(value)
}
