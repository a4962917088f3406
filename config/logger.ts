import { destination, pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import { redact, redactText } from './redaction.ts'

export type { Logger } from 'pino'

/** The log of a process and the hands that empty its buffer. */
export interface Log {
  readonly logger: Logger
  /** Writes out what is buffered, at once: after lines somebody waits for, such as "ready". */
  flush(): void
  /** Flushes and stops the timer; lines after it are still written. */
  close(): void
}

export interface LogOptions {
  /** trace … fatal, or silent. */
  readonly level: string
  /** Where lines go instead of standard output: tests. */
  readonly stream?: DestinationStream
}

const DEBUG = 20
const FATAL = 60
/** The longest a line waits in the buffer. */
const FLUSH_MS = 100
/** Buffered bytes that are written without waiting for the timer. */
const BUFFER_BYTES = 4096

/**
 * Makes the log: one JSON object a line on standard output, buffered because a line a call at 400 calls/s must not cost
 * a system call each, and written synchronously so that an exit loses nothing.
 */
export function createLogger({ level, stream }: LogOptions): Log {
  const buffer = stream ? null : destination({ fd: 1, sync: true, minLength: BUFFER_BYTES })
  // Whoever read our output has gone (`dce start | head`): the calls go on.
  buffer?.on('error', () => {})
  const flush = () => {
    try {
      buffer?.flushSync()
    } catch {
      // Nothing can be said about a log that cannot be written.
    }
  }
  const logger = pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
      },
      // Errors are already plain when they come here: redact() saw to it.
      serializers: { err: (error: unknown) => error },
      hooks: {
        logMethod(words, write, lineLevel) {
          const open = lineLevel <= DEBUG
          const masked = words.map((word) => {
            if (word instanceof Error) return { err: redact(word, open), msg: redactText(word.message, open) }
            return typeof word === 'string' ? redactText(word, open) : redact(word, open)
          })
          write.apply(this, masked as typeof words)
          if (lineLevel >= FATAL) flush()
        },
      },
    },
    stream ?? buffer!,
  )
  // A child's bindings stand in lines of every level: they are masked for the strictest. Pino has no hook for them, and its
  // children inherit this method.
  // oxlint-disable-next-line typescript/unbound-method -- called with the child's own `this` below.
  const bind = logger.child
  logger.child = function (this: Logger, bindings: object, options: never) {
    return bind.call(this, redact(bindings, false) as Record<string, unknown>, options)
  } as typeof bind
  // Not flushSync, which also waits for the disk: ten times a second, beside a busy database, that is felt by every call.
  const timer = buffer ? setInterval(() => buffer.flush(), FLUSH_MS).unref() : undefined
  if (buffer) process.on('exit', flush)
  return {
    logger,
    flush,
    close() {
      clearInterval(timer)
      process.off('exit', flush)
      flush()
    },
  }
}
