# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # The LSB header of an init script: "# KEY: VALUE" between two markers.
      class InitInfo
        def initialize(lines)
          @values = {}
          inside = lines.drop_while { |line| !line.text.start_with?("### BEGIN INIT INFO") }.drop(1)
          inside.take_while { |line| !line.text.start_with?("### END INIT INFO") }
                .each { |line| add(line.text) }
        end

        # nil when it is not there or empty
        def [](key) = @values[key]&.then { |text| text.empty? ? nil : text }

        private

        def add(text)
          case text
          when /\A#\s*([A-Za-z][\w-]*):(.*)\z/n
            @values[@key = $1] = $2.strip
          when /\A#(?:\t| {2})(.*)\z/n # goes on with the line before
            @values[@key] << " " << $1.strip if @key == "Description"
          end
        end
      end

      # The comment of a Red Hat init script: "# description: TEXT \" and so on.
      class ChkconfigInfo
        KEYS = /\A#\s*(chkconfig|description|config|processname|pidfile):(.*)\z/n

        def initialize(lines)
          @values = {}
          lines.map(&:text).each { |text| add(text) }
        end

        def [](key) = @values[key]&.then { |text| text.empty? ? nil : text }

        private

        def add(text)
          if @open
            @values[@open] << " " << text.delete_prefix("#").delete_suffix("\\").strip
            @open = nil unless text.end_with?("\\")
          elsif (match = KEYS.match(text)) && !@values.key?(match[1])
            @values[match[1]] = match[2].delete_suffix("\\").strip
            @open = match[1] if match[2].end_with?("\\")
          end
        end
      end
    end
  end
end
