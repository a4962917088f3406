import { z } from 'zod'
import type { NumberMenu } from '../model/number-menu.ts'
import { digit, prompt, type AudioStudio } from './call-audio.ts'
import { invalid } from './problems.ts'
import * as s from './schemas.ts'
import { tags } from './tags.ts'

/** As many as a telephone has keys. */
const MAX_OPTIONS = 12
const MAX_TIMEOUT = 60
const MAX_ATTEMPTS = 5

const option = z.strictObject({
  digit,
  vertical: s.vertical().nullable().default(null),
  tags: tags.default({}),
})

const options = z
  .array(option)
  .min(1)
  .max(MAX_OPTIONS)
  .superRefine((list, ctx) => {
    const keys = list.map((one) => one.digit)
    keys.forEach((key, index) => {
      if (keys.indexOf(key) === index) return
      ctx.addIssue({
        code: 'custom',
        path: [index, 'digit'],
        message: `is that of another option: ${key}`,
        params: { code: 'duplicate' },
      })
    })
  })

/** Given whole, with its defaults: a change replaces all of it. */
export const NumberMenuInput = z
  .strictObject({
    prompt,
    options,
    timeout: z.int().min(1).max(MAX_TIMEOUT).default(5).meta({ description: 'Seconds from the end of the prompt' }),
    attempts: z.int().min(1).max(MAX_ATTEMPTS).default(2),
    otherwise: z
      .enum(['hang_up', 'continue'])
      .default('hang_up')
      .meta({ description: 'What becomes of a caller who chooses nothing; `continue`: sold as the number’s own' }),
    zip_prompt: prompt.nullable().optional().meta({
      description: 'Then asks for the caller’s ZIP code, where the call brings none; its law is judged by that',
    }),
  })
  .transform(({ zip_prompt: zipPrompt, ...menu }): NumberMenu => (zipPrompt ? { ...menu, zipPrompt } : menu))
  .nullable()

export const NumberMenuAnswer = z
  .strictObject({
    prompt: z.string(),
    options: z.array(
      z.strictObject({
        digit: z.string(),
        vertical: z.string().nullable(),
        tags: z.record(z.string(), z.string()),
      }),
    ),
    timeout: z.int(),
    attempts: z.int(),
    otherwise: z.enum(['hang_up', 'continue']),
    zip_prompt: z.string().optional(),
  })
  .nullable()

/** The menu as it was given, if it can be had here; throws 422 for one that cannot. */
export async function readNumberMenu(
  { audio }: { readonly audio: AudioStudio },
  menu: NumberMenu | null | undefined,
): Promise<NumberMenu | null | undefined> {
  if (!menu) return menu
  if (!audio.hasTools)
    throw invalid(
      '/menu',
      'no media engine that runs here plays prompts or hears digits (media.engine)',
      'no_audio_tools',
    )
  const fault = await audio.promptFault(menu.prompt)
  if (fault !== null) throw invalid('/menu/prompt', fault, 'unknown_prompt')
  const zipFault = menu.zipPrompt ? await audio.promptFault(menu.zipPrompt) : null
  if (zipFault !== null) throw invalid('/menu/zip_prompt', zipFault, 'unknown_prompt')
  return menu
}

export function printNumberMenu(menu: NumberMenu | null | undefined): z.input<typeof NumberMenuAnswer> {
  if (!menu) return null
  const { zipPrompt, options: keys, ...rest } = menu
  const printed = keys.map((one) => ({ ...one, tags: { ...one.tags } }))
  return { ...rest, options: printed, ...(zipPrompt && { zip_prompt: zipPrompt }) }
}
