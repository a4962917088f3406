import type { Prompt } from '../../media/audio-tools.ts'
import type { CallAudio } from './call-audio.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { recordCall } from './record-call.ts'
import { recordingCheck } from './recording-notice.ts'

/**
 * From our 200 to the caller until both hear each other: the announcement, to both of them; then the recording begins, and then they
 * are joined. Without the announcement having been played nothing is recorded; the call goes on. Never rejects.
 */
export async function joinAudio(call: Call, audio: CallAudio | null, parts: ExchangeParts): Promise<void> {
  const notice = audio?.notice ?? null
  const lawful = audio?.lawful ?? null
  call.ringback?.stop()
  const hasHeard = notice === null || (await announce(call, notice))
  if (lawful) {
    const check = recordingCheck(lawful, hasHeard ? new Date(parts.clock.now()) : null)
    call.checks = [...call.checks, check]
    call.note('recording law', `${check.rule}: ${check.detail}`)
  }
  if (call.bridge!.isEnded) return
  if (audio?.isRecorded && hasHeard) void recordCall(call, lawful ?? {}, parts)
  if (call.isApart) await letThemHear(call)
}

/** Sides that cannot be joined would listen to silence for as long as they bear it, and one of them would pay for that. */
async function letThemHear(call: Call): Promise<void> {
  try {
    await call.media!.tools?.apart(false)
  } catch (error) {
    if (call.bridge!.isEnded) return // With its audio.
    call.note('not joined', (error as Error).message)
    call.isJoined = false
    call.bridge!.hangUp('media_failed', 'exchange')
  }
}

/** Both hear it, so that nobody waits in silence. False: not to its end, so that the caller may not know. */
async function announce(call: Call, prompt: Prompt): Promise<boolean> {
  const { tools } = call.media!
  const ended = new AbortController()
  void call.bridge!.ended.then(() => ended.abort())
  const options = { signal: ended.signal }
  try {
    if (!tools) throw new Error('the media engine plays nothing')
    await tools.apart(true)
    void tools.play('buyer', prompt, options).catch(() => {}) // The caller's hearing it is what counts.
    await tools.play('caller', prompt, options)
    if (ended.signal.aborted) return false
    call.note('announced', prompt.kind === 'file' ? prompt.name : 'by a beep')
    return true
  } catch (error) {
    call.note('not announced', `${(error as Error).message}: the call is not recorded`)
    return false
  }
}
