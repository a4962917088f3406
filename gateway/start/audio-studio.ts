import type { Settings } from '../../config/settings.ts'
import type { EnginePool } from '../../media/engine-pool.ts'
import { PromptStore } from '../../media/relay/prompt-store.ts'
import { masterKeys, soundFolders } from './recording-settings.ts'

/** What the API may promise of the audio of calls: what the running engine can do, and the prompts there are. */
export function createAudioStudio(settings: Settings, media: Pick<EnginePool, 'engines'>) {
  const prompts = new PromptStore(soundFolders(settings).promptFolder)
  return {
    get hasTools(): boolean {
      return media.engines.some(({ capabilities }) => capabilities.has('tools'))
    },
    mayRecord: masterKeys(settings).length > 0,
    promptFault: (name: string): Promise<string | null> =>
      prompts.read(name).then(
        () => null,
        (error: Error) => error.message,
      ),
  }
}
