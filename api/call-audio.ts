import { z } from 'zod'
import {
  NO_BUYER_AUDIO,
  NO_NUMBER_AUDIO,
  type BuyerAudio,
  type NumberAudio,
  type RecordWish,
  type Ringback,
} from '../model/call-audio.ts'
import { invalid } from './problems.ts'

/** What the API knows of the exchange's audio: whether it can play and record, and which prompts there are. */
export interface AudioStudio {
  /** False: no engine that runs plays prompts, hears digits or records. */
  readonly hasTools: boolean
  /** False: no recording key is set. */
  readonly mayRecord: boolean
  /** Why this prompt cannot be played, as a sentence; null when it can. */
  promptFault(name: string): Promise<string | null>
}

interface Studio {
  readonly audio: AudioStudio
}

/** The word for a ringing tone, where else a prompt's name stands. */
const TONE = 'tone'
const MAX_SECONDS = 60

/** The name of a prompt in the operator's store. */
export const prompt = z
  .string()
  .regex(/^[\w-][\w.-]{0,99}$/, 'must be the name of a prompt: letters, digits, . _ and -, at most 100')
  .meta({ description: 'A WAV file of media.prompts_dir, by its name without .wav' })
export const digit = z.string().regex(/^[0-9*#]$/, 'must be one of 0-9, * and #')
const seconds = z.int().min(1).max(MAX_SECONDS)
const record = z.enum(['yes', 'no', 'inherit'])

export const NumberAudioInput = z
  .strictObject({
    ringback: prompt.nullable().meta({ description: '`tone`, or the name of a prompt' }),
    announcement: prompt.nullable(),
    record,
    hold_music: prompt.nullable(),
  })
  .partial()
  .nullable()

export const BuyerAudioInput = z
  .strictObject({
    whisper: prompt.nullable(),
    accept: z.strictObject({ digit: digit.default('1'), seconds: seconds.default(10) }).nullable(),
    record,
    hold_music: prompt.nullable(),
  })
  .partial()
  .nullable()

const name = z.string().nullable()
export const NumberAudioAnswer = z
  .strictObject({ ringback: name, announcement: name, record, hold_music: name })
  .nullable()
export const BuyerAudioAnswer = z
  .strictObject({
    whisper: name,
    accept: z.strictObject({ digit: z.string(), seconds: z.int() }).nullable(),
    record,
    hold_music: name,
  })
  .nullable()

/** What a body says, over what the number has; undefined when it says nothing. Throws 422 for what cannot be played or recorded here. */
export async function readNumberAudio(
  { audio: studio }: Studio,
  input: z.output<typeof NumberAudioInput> | undefined,
  current: NumberAudio | null,
): Promise<NumberAudio | null | undefined> {
  if (!input) return input
  const { ringback, announcement, hold_music: holdMusic } = input
  await checkPrompts(studio, { ringback: ringback === TONE ? null : ringback, announcement, hold_music: holdMusic })
  checkRecord(studio, input.record)
  const audio: NumberAudio = {
    ...(current ?? NO_NUMBER_AUDIO),
    ...(ringback !== undefined && { ringback: readRingback(ringback) }),
    ...(announcement !== undefined && { announcement }),
    ...(input.record !== undefined && { record: input.record }),
    ...(holdMusic !== undefined && { holdMusic }),
  }
  const { record: wish, ...sounds } = audio
  return settled(studio, audio, sounds, wish)
}

/** The same of a campaign or a target. */
export async function readBuyerAudio(
  { audio: studio }: Studio,
  input: z.output<typeof BuyerAudioInput> | undefined,
  current: BuyerAudio | null,
): Promise<BuyerAudio | null | undefined> {
  if (!input) return input
  const { whisper, accept, hold_music: holdMusic } = input
  await checkPrompts(studio, { whisper, hold_music: holdMusic })
  checkRecord(studio, input.record)
  const audio: BuyerAudio = {
    ...(current ?? NO_BUYER_AUDIO),
    ...(whisper !== undefined && { whisper }),
    ...(accept !== undefined && { accept }),
    ...(input.record !== undefined && { record: input.record }),
    ...(holdMusic !== undefined && { holdMusic }),
  }
  const { record: wish, ...sounds } = audio
  return settled(studio, audio, sounds, wish)
}

/** Null when nothing is asked for: such calls cost nothing. */
function settled<T>({ hasTools }: AudioStudio, audio: T, sounds: object, wish: RecordWish): T | null {
  const asks = Object.entries(sounds).filter(([, value]) => value !== null)
  if (asks.length === 0 && wish === 'inherit') return null
  if (!hasTools && asks.length > 0) {
    const field = asks[0]![0].replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    throw invalid(
      `/audio/${field}`,
      'no media engine that runs here plays prompts or hears digits (media.engine)',
      'no_audio_tools',
    )
  }
  return audio
}

async function checkPrompts(studio: AudioStudio, prompts: Record<string, string | null | undefined>): Promise<void> {
  for (const [field, named] of Object.entries(prompts)) {
    const fault = named ? await studio.promptFault(named) : null
    if (fault !== null) throw invalid(`/audio/${field}`, fault, 'unknown_prompt')
  }
}

function checkRecord({ hasTools, mayRecord }: AudioStudio, wish: RecordWish | undefined): void {
  if (wish !== 'yes') return
  if (!hasTools)
    throw invalid('/audio/record', 'no media engine that runs here records (media.engine)', 'no_audio_tools')
  if (!mayRecord)
    throw invalid(
      '/audio/record',
      'no media.recording_key is set, and nothing is recorded in the clear',
      'no_recording_key',
    )
}

function readRingback(word: string | null): Ringback | null {
  if (word === null) return null
  return word === TONE ? { kind: 'tone' } : { kind: 'prompt', name: word }
}

export function printNumberAudio(audio: NumberAudio | null | undefined): z.input<typeof NumberAudioAnswer> {
  if (!audio) return null
  const { ringback, announcement, holdMusic } = audio
  const printed = ringback && (ringback.kind === 'tone' ? TONE : ringback.name)
  return { ringback: printed, announcement, record: audio.record, hold_music: holdMusic }
}

export function printBuyerAudio(audio: BuyerAudio | null | undefined): z.input<typeof BuyerAudioAnswer> {
  if (!audio) return null
  const { whisper, accept, holdMusic } = audio
  return { whisper, accept: accept && { ...accept }, record: audio.record, hold_music: holdMusic }
}
