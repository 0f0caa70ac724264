;; Handles of Ruby's objects, for a host that holds some. This one holds none for longer than a call: a handle is the object.
(module
  (func $same (param i32) (result i32)
    (local.get 0))
  (func $drop (param i32))
  (export "resource_new_rb-abi-value" (func $same))
  (export "resource_get_rb-abi-value" (func $same))
  (export "resource_drop_js-abi-value" (func $drop)))
