;; ruby: what makes a command of Ruby's interpreter, which by itself is a library that waits to be called. It loads the script
;; that the variable SCRIPT_FILENAME names, and ends with the script's exit status, or with 255 and a message on standard error
;; when the script ends in an exception. Blocks given to at_exit are not run, and there are no arguments.
;;
;; Merged with the modules beside it and with the interpreter, each of which is known here by the name of its file. It must not
;; know what a script does.
(module
  (import "ruby" "memory" (memory 1))
  (import "ruby" "_initialize" (func $initialize))
  (import "ruby" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "ruby-init-loadpath: func() -> ()" (func $init_loadpath))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $eval (param i32 i32) (result i32)))

  ;; Ruby's own command line, each word ended by a NUL as in C: text is UTF-8, and the program is not read from standard input.
  (data $words "ruby\00-EUTF-8\00-e_=0\00")

  ;; Its length stands below.
  (data $program
    "begin\n"
    "  load($0 = ENV.fetch('SCRIPT_FILENAME'))\n"
    "  status = 0\n"
    "rescue SystemExit => e\n"
    "  status = e.status\n"
    "rescue Exception => e\n"
    "  $stderr.write(e.full_message(highlight: false))\n"
    "  status = 255\n"
    "end\n"
    "$stdout.flush\n"
    "$stderr.flush\n"
    "exit!(status)\n\00")
  (global $program_length i32 (i32.const 238))

  ;; Room for this many bytes in Ruby's memory.
  (func $room (param $bytes i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (local.get $bytes)))

  (func (export "_start")
    (local $words i32)
    (local $list i32)
    (local $program i32)
    (call $initialize)

    (local.set $words (call $room (i32.const 19)))
    (memory.init $words (local.get $words) (i32.const 0) (i32.const 19))
    ;; A list of strings is one of addresses and lengths.
    (local.set $list (call $room (i32.const 24)))
    (i32.store offset=0 (local.get $list) (local.get $words))
    (i32.store offset=4 (local.get $list) (i32.const 5))
    (i32.store offset=8 (local.get $list) (i32.add (local.get $words) (i32.const 5)))
    (i32.store offset=12 (local.get $list) (i32.const 8))
    (i32.store offset=16 (local.get $list) (i32.add (local.get $words) (i32.const 13)))
    (i32.store offset=20 (local.get $list) (i32.const 6))
    (call $ruby_init (local.get $list) (i32.const 3))
    (call $init_loadpath)

    (local.set $program (call $room (global.get $program_length)))
    (memory.init $program (local.get $program) (i32.const 0) (global.get $program_length))
    (drop (call $eval (local.get $program) (global.get $program_length)))
    ;; The program ends the process.
    unreachable))
