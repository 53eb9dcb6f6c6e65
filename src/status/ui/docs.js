// A page of the documentation: it has the theme of the status page.

import { get } from './dom.js'
import { handleTheme } from './theme.js'

handleTheme(get('theme'))
