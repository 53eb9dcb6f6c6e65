// All sections, in the order of the document.

import { cluster } from './cluster.ts'
import { exposition } from './exposition.ts'
import { growth } from './growth.ts'
import { idle } from './idle.ts'
import { lab } from './lab.ts'
import { lists } from './lists.ts'
import { live } from './live.ts'
import { memory } from './memory.ts'
import { scrape } from './scrape.ts'
import type { Section } from './section.ts'
import { serve } from './serve.ts'
import { startup } from './startup.ts'
import { sync } from './sync.ts'

export const sections: readonly Section[] = [
  scrape,
  sync,
  live,
  lab,
  idle,
  startup,
  memory,
  serve,
  lists,
  exposition,
  cluster,
  growth,
]
