import { createRequire, registerHooks } from 'node:module'

const OF_DRACHTIO_SRF = /\/drachtio-srf\/lib\/.*\.js$/
/** A statement that writes a debug line: `debug` and `debugSocket` are its names there. */
const DEBUG_LINE = /^(\s*)(debug\w*)\(/gm

/** The same program, in which a debug line is put together only for those who read it. */
export function askFirst(source: string): string {
  return source.replace(DEBUG_LINE, '$1$2.enabled && $2(')
}

/**
 * Loads drachtio-srf, which puts a debug line together for each thing it does, JSON of whole messages among them, and asks only then
 * whether anybody reads them (`DEBUG=drachtio:*`): here it asks first. Whoever else imports it afterwards has the same one.
 */
export function loadQuietly(): unknown {
  const hooks = registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const { source } = loaded
      if (!OF_DRACHTIO_SRF.test(url) || !source) return loaded
      return {
        ...loaded,
        source: askFirst(typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString()),
      }
    },
  })
  try {
    return createRequire(import.meta.url)('drachtio-srf')
  } finally {
    hooks.deregister()
  }
}
