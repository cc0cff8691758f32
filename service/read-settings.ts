// The settings for a command: read, or explained on standard error.
import process from 'node:process'
import { describeFault } from './settings-faults.js'
import { loadSettings } from './settings-file.js'
import type { Settings } from './settings.js'

export const DEFAULT_CONFIG_PATH = '/etc/mailweir/mailweir.toml'

/** Null after every fault has been said, one a line. */
export async function readSettingsOrExplain(configPath: string): Promise<Settings | null> {
  const { settings, faults } = await loadSettings(configPath)
  for (const fault of faults) process.stderr.write(`${describeFault(fault)}\n`)
  return settings
}
