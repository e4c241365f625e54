import '../lib/theme.ts'

import { mount } from '../ui/mount.tsx'
import '../style/console.css'
import { Console } from './Console.tsx'

mount(<Console />)
