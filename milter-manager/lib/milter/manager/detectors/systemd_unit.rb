# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # A systemd service: its unit file and the administrator's additions to it.
      class SystemdUnit
        LOCAL = "/etc/systemd/system"

        # directories: where packages put their units
        def initialize(root, directories, script)
          @root = root
          @name = "#{script}.service"
          @file = [LOCAL, *directories].map { |directory| "#{directory}/#{@name}" }
                                          .find { |file| root.file?(file) }
          @values = Hash.new { |hash, key| hash[key] = [] }
          files.each { |file| read(file) }
        end

        def found? = !@file.nil?

        # It is started when the machine is.
        def wanted?
          @root.entry?("#{LOCAL}/multi-user.target.wants/#{@name}") &&
            !@root.masked?("#{LOCAL}/#{@name}")
        end

        def description = @values["Description"].last&.text

        # The command line, with the variables that are known.
        def exec_start
          fact = @values["ExecStart"].last or return
          Fact.new(variables.expand(fact.text), fact.place)
        end

        # Environment and EnvironmentFile; the files win.
        def variables
          @variables ||= begin
            variables = ShellVariables.new
            @values["Environment"].each do |fact|
              Flags.words_of(fact.text).each { |word| variables.add_line(Line.new(quote(word), fact.place)) }
            end
            @values["EnvironmentFile"].each do |fact|
              variables.add(@root.joined_lines(fact.text.delete_prefix("-")))
            end
            variables
          end
        end

        private

        def files
          return [] unless @file

          [@file] + @root.glob("#{LOCAL.delete_prefix("/")}/#{@name}.d/*.conf")
        end

        def read(file)
          @root.joined_lines(file).each do |line|
            match = /\A\s*([A-Za-z]+)\s*=(.*)\z/n.match(line.text) or next
            if match[2].strip.empty? # an empty assignment takes back the ones before
              @values[match[1]].clear
            else
              @values[match[1]] << Fact.new(match[2].strip, line.place)
            end
          end
        end

        # NAME=VALUE as a shell has it.
        def quote(word)
          name, value = word.split("=", 2)
          "#{name}='#{value}'"
        end
      end
    end
  end
end
