# frozen_string_literal: true

module Milter
  module Manager
    module Database
      # Files of ActiveRecord classes.  A class outlives the configuration that
      # loaded it, so at a reload a file that did not change is left alone (its
      # callbacks would be there twice), and the classes of one that did are
      # made anew.
      module Models
        @files = {} # path => [what it was like, names of its constants]

        module_function

        # A mistake in the file is logged, and its former classes stay.
        def load(path)
          status = File.stat(path)
          Files.check(status, path)
          like = [status.ino, status.size, status.mtime]
          return if @files.dig(path, 0) == like

          former = take_away(path)
          before = Object.constants
          begin
            Kernel.load(path)
          rescue ScriptError, StandardError => e
            (Object.constants - before).each { |name| Object.send(:remove_const, name) }
            former.each { |name, value| Object.const_set(name, value) }
            report(path, e)
          else
            @files[path] = [like, Object.constants - before]
          end
        rescue ConfigurationError => e
          Logger.error(e.message)
        rescue SystemCallError => e
          Logger.error("#{path}: #{Manager.reason_of(e)}")
        end

        def take_away(path)
          names = @files.dig(path, 1) || []
          names.select { |name| Object.const_defined?(name, false) }
               .to_h { |name| [name, Object.send(:remove_const, name)] }
        end

        def report(path, error)
          text = error.is_a?(SyntaxError) ? error.message.gsub(/\s*\n\s*/, " ") : Locations.describe(error)
          text = "#{path}: #{text}" unless text.start_with?("/")
          Logger.error("[configuration][error] database.load_models: #{text}")
        end
      end
    end
  end
end
